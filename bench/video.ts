import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runProcess, type ProcessOutput } from '#platform';
import { evalArguments } from './arguments.js';
import { report, type Row } from './report.js';
import type { MadeFilm } from './video/films.js';

/**
 * From a 720p file to answerable: a talk (slides, a speaker and speech, 1.5 Mbit/s) and busy footage (3 Mbit/s), each in a process of its
 * own that has read a short film before. Prints times real time, peak memory while the file is read (`all`: that process, ffmpeg and the
 * embedded database, what they share counted once; `own`: the process alone), times to the first token of questions about one place and of
 * questions that read all of the timeline, and what stays on disk beside the file.
 * `--minutes N` (4) of each; `--hours N` adds a talk of that length. Pictures repeat after some minutes; speech does not within an hour.
 */
export async function run(args: string[]): Promise<void> {
  const { rest } = evalArguments(args, { minutes: { type: 'string' }, hours: { type: 'string' } });
  const seconds = 60 * Number(rest['minutes'] ?? 4);
  const folder = await mkdtemp(join(tmpdir(), 'tessera-video-'));
  const films: [kind: 'talk' | 'busy', seconds: number, name: string][] = [
    ['talk', seconds, 'talk'],
    ['busy', seconds, 'busy footage'],
  ];
  if (rest['hours']) films.push(['talk', 3600 * Number(rest['hours']), 'long talk']);
  const rows: Row[] = [];
  try {
    const warmUp = await make('talk', folder, 20, 'warm-up');
    for (const [kind, length, name] of films) {
      const film = await make(kind, folder, length, name);
      rows.push(await read(film, warmUp, folder));
      await rm(film.file);
    }
    report('video', rows);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** One of `video/` in a process of its own. What it lacks (espeak-ng, a font) is in the last lines that it wrote, not in how it ended. */
async function child(name: 'make' | 'read', args: string[]): Promise<ProcessOutput> {
  const program = fileURLToPath(new URL(`./video/${name}.js`, import.meta.url));
  try {
    return await runProcess(process.execPath, [program, ...args]);
  } catch (error) {
    const said = error instanceof Error && error.cause instanceof Error ? error.cause.message.trim() : '';
    throw said ? new Error(`bench video: ${name} failed:\n${said}`, { cause: error }) : error;
  }
}

async function make(kind: 'talk' | 'busy', folder: string, seconds: number, name: string): Promise<MadeFilm> {
  const { stdout } = await child('make', [kind, folder, String(seconds), name]);
  return JSON.parse(stdout.toString()) as MadeFilm;
}

async function read(film: MadeFilm, warmUp: MadeFilm, folder: string): Promise<Row> {
  const [data, result] = [join(folder, 'data'), join(folder, 'result.json')];
  await child('read', [JSON.stringify(film), JSON.stringify(warmUp), data, result]);
  await rm(data, { recursive: true, force: true });
  return JSON.parse(await readFile(result, 'utf8')) as Row;
}
