import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { askTree, composeTree } from '#jobs';
import { openTessera, type Tessera } from '#pipeline';
import { loadConfig, runProcess } from '#platform';
import { evalArguments } from './arguments.js';
import { watchMemory } from './memory.js';
import { report, type Row } from './report.js';
import type { MadeFilm } from './video/films.js';

/** Shares no word with the films: nothing can be left out, all of the timeline is read. */
const WHOLE = ['Who wrote the poem?', 'Which doctor is ill?'] as const;

/** Seconds between the first question, asked as soon as a film is answerable, and the second: somebody reads the answer. */
const SHORTEST_PAUSE = 10;

/**
 * From a 720p file to answerable: a talk (slides, a speaker and speech, 1.5 Mbit/s) and busy footage (3 Mbit/s). Prints times real time,
 * peak memory of all processes while the file is read, times to the first token of questions about one place and of questions that read all
 * of the timeline, and what stays on disk beside the file.
 * `--minutes N` (4) of each; `--hours N` adds a talk of that length. Pictures repeat after some minutes; speech does not within an hour.
 */
export async function run(args: string[]): Promise<void> {
  const { rest } = evalArguments(args, { minutes: { type: 'string' }, hours: { type: 'string' } });
  const seconds = 60 * Number(rest['minutes'] ?? 4);
  const folder = await mkdtemp(join(tmpdir(), 'tessera-video-'));
  // A data folder of its own: nothing is known beforehand, and what is kept can be counted.
  const loaded = loadConfig();
  // Three hours of such a talk are just over the largest file that is taken by default.
  const limits = { ...loaded.limits, maxFileBytes: Math.max(loaded.limits.maxFileBytes, 2 ** 32) };
  const config = { ...loaded, dataDir: join(folder, 'data'), limits };
  const films: [kind: 'talk' | 'busy', seconds: number, name: string][] = [
    ['talk', seconds, 'talk'],
    ['busy', seconds, 'busy footage'],
  ];
  if (rest['hours']) films.push(['talk', 3600 * Number(rest['hours']), 'long talk']);
  const rows: Row[] = [];
  try {
    const warmUp = await make('talk', folder, 20, 'warm-up');
    const tessera = await openTessera(config, { private: true, warm: ['vision', 'speech', 'decoder'] });
    try {
      await compose(tessera, warmUp);
      // All are read before anything is asked: what questions take is no memory of reading.
      const read: Ingested[] = [];
      for (const [kind, length, name] of films)
        read.push(await ingest(tessera, await make(kind, folder, length, name), config.dataDir));
      for (const each of read) rows.push(await question(tessera, each, config.dataDir));
    } finally {
      await tessera.close();
    }
    report('video', rows);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const MAKE = fileURLToPath(new URL('./video/make.js', import.meta.url));

async function make(kind: 'talk' | 'busy', folder: string, seconds: number, name: string): Promise<MadeFilm> {
  const { stdout } = await runProcess(process.execPath, [MAKE, kind, folder, String(seconds), name]);
  return JSON.parse(stdout.toString()) as MadeFilm;
}

const source = ({ file }: MadeFilm) => ({ type: 'file' as const, path: file, name: basename(file) });

async function compose(tessera: Tessera, film: MadeFilm): Promise<void> {
  await tessera.jobs.result(await tessera.jobs.submit(await composeTree(source(film))));
}

interface Ingested {
  film: MadeFilm;
  elapsed: number;
  peak: { own: number; all: number };
  kept: Kept;
}

async function ingest(tessera: Tessera, film: MadeFilm, dataDir: string): Promise<Ingested> {
  const before = await kept(tessera, dataDir);
  const memory = watchMemory();
  const started = performance.now();
  await compose(tessera, film);
  const elapsed = (performance.now() - started) / 1000;
  const peak = memory.stop();
  return { film, elapsed, peak, kept: minus(await kept(tessera, dataDir), before) };
}

async function question(
  tessera: Tessera,
  { film, elapsed, peak, kept: ofReading }: Ingested,
  dataDir: string,
): Promise<Row> {
  const before = await kept(tessera, dataDir);
  const first = await ask(tessera, film, film.questions[0]);
  const pause = Math.max(SHORTEST_PAUSE, film.seconds / 100);
  await sleep(1000 * pause);
  const times: number[] = [];
  for (const each of [film.questions[1], ...WHOLE]) times.push(await ask(tessera, film, each));
  const [second, whole, wholeAgain] = times as [number, number, number];
  const ofAnswers = minus(await kept(tessera, dataDir), before);
  const { size } = await stat(film.file);
  // The file itself is kept too.
  const grown = {
    pages: ofReading.pages + ofAnswers.pages,
    blobs: ofReading.blobs + ofAnswers.blobs - size,
    database: ofReading.database + ofAnswers.database,
  };
  const all = grown.pages + grown.blobs + grown.database;
  const minutes = film.seconds / 60;
  return {
    film: film.name,
    minutes,
    'file MB': size / 1e6,
    'Mbit/s': (8e-6 * size) / film.seconds,
    'times real time': film.seconds / elapsed,
    'peak MiB, all': Math.round(peak.all / 2 ** 20),
    'peak MiB, own': Math.round(peak.own / 2 ** 20),
    'first ms': Math.round(first),
    'pause s': pause,
    'second ms': Math.round(second),
    'whole ms': Math.round(whole),
    'whole again ms': Math.round(wholeAgain),
    'pages MB': grown.pages / 1e6,
    'blobs MB': grown.blobs / 1e6,
    'database MB': grown.database / 1e6,
    'kept KB a minute': all / 1e3 / minutes,
    'kept %': (100 * all) / size,
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

interface Kept {
  pages: number;
  blobs: number;
  database: number;
}

const minus = (a: Kept, b: Kept): Kept => ({
  pages: a.pages - b.pages,
  blobs: a.blobs - b.blobs,
  database: a.database - b.database,
});

/** Bytes on disk: the decoder's pages, the files and what was made of them, our tables with their indexes. */
async function kept({ database }: Tessera, dataDir: string): Promise<Kept> {
  const { rows } = await database.pool.query<{ bytes: string }>(
    `select sum(pg_total_relation_size(c.oid)) as bytes from pg_class c
     join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'tessera' and c.relkind = 'r'`,
  );
  const [pages, blobs] = await Promise.all(['kv', 'blobs'].map((name) => bytesIn(join(dataDir, name))));
  return { pages: pages!, blobs: blobs!, database: Number(rows[0]?.bytes ?? 0) };
}

async function bytesIn(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries.filter((entry) => entry.isFile());
  const sizes = await Promise.all(files.map((entry) => stat(join(entry.parentPath, entry.name)).then(({ blocks }) => 512 * blocks, () => 0))); // prettier-ignore
  return sizes.reduce((sum, size) => sum + size, 0);
}
