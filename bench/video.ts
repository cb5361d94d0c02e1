import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { askTree, composeTree } from '#jobs';
import { openTessera, type Tessera } from '#pipeline';
import { loadConfig } from '#platform';
import { evalArguments } from './arguments.js';
import { report, type Row } from './report.js';
import { busyFilm, longFilm, talk, type MadeFilm } from './video/films.js';

/**
 * From a 720p file to answerable: a talk (slides and speech), busy footage, and on demand a long film. Times real time, peak
 * memory of the process, what is kept beside the file, and the first token of a second question.
 * `--minutes N` (4) of each; `--hours N` adds a film of that length at a low bit rate.
 */
export async function run(args: string[]): Promise<void> {
  const { rest } = evalArguments(args, { minutes: { type: 'string' }, hours: { type: 'string' } });
  const seconds = 60 * Number(rest['minutes'] ?? 4);
  const folder = await mkdtemp(join(tmpdir(), 'tessera-video-'));
  // A data folder of its own: nothing is known beforehand, and what is kept can be counted.
  const config = { ...loadConfig(), dataDir: join(folder, 'data') };
  const tessera = await openTessera(config, { private: true, warm: ['vision', 'speech', 'decoder'] });
  try {
    const films = [await talk(folder, seconds), await busyFilm(folder, seconds)];
    if (rest['hours']) films.push(await longFilm(folder, 3600 * Number(rest['hours'])));
    const warmUp = await talk(folder, 20, 'warm-up');
    await compose(tessera, warmUp);
    const rows: Row[] = [];
    for (const film of films) rows.push(await measure(tessera, film, config.dataDir));
    report('video', rows, { pack: tessera.pack.id });
  } finally {
    await tessera.close();
    await rm(folder, { recursive: true, force: true });
  }
}

const source = ({ file }: MadeFilm) => ({ type: 'file' as const, path: file, name: basename(file) });

async function compose(tessera: Tessera, film: MadeFilm): Promise<void> {
  await tessera.jobs.result(await tessera.jobs.submit(await composeTree(source(film))));
}

async function measure(tessera: Tessera, film: MadeFilm, dataDir: string): Promise<Row> {
  const before = await bytesIn(dataDir);
  let peak = 0;
  const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 100);
  const started = performance.now();
  await compose(tessera, film);
  const elapsed = (performance.now() - started) / 1000;
  clearInterval(watch);
  const first = await ask(tessera, film, film.questions[0]);
  const second = await ask(tessera, film, film.questions[1]);
  const { size } = await stat(film.file);
  // The file itself is kept too.
  const kept = (await bytesIn(dataDir)) - before - size;
  return {
    film: film.name,
    minutes: film.seconds / 60,
    'file MB': size / 1e6,
    'times real time': film.seconds / elapsed,
    'peak MiB': peak / 2 ** 20,
    'first question, first token ms': first,
    'second ms': second,
    'kept MB': kept / 1e6,
    'kept %': (100 * kept) / size,
  };
}

async function ask(tessera: Tessera, film: MadeFilm, question: string): Promise<number> {
  const started = performance.now();
  const id = await tessera.jobs.submit(await askTree(question, [source(film)]));
  for await (const { event } of tessera.jobs.events(id)) if (event.type === 'token') break;
  const first = performance.now() - started;
  await tessera.jobs.result(id);
  return first;
}

/** Pages, frames and indexes; the database's own files and logs are the same for one film and a thousand. */
async function bytesIn(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && !/postgres/.test(entry.parentPath));
  const sizes = await Promise.all(files.map((entry) => stat(join(entry.parentPath, entry.name)).then(({ blocks }) => 512 * blocks, () => 0))); // prettier-ignore
  return sizes.reduce((sum, size) => sum + size, 0);
}
