import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { askTree, composeTree } from '#jobs';
import { openTessera, type Tessera } from '#pipeline';
import { loadConfig } from '#platform';
import { watchMemory } from '../memory.js';
import type { Row } from '../report.js';
import type { MadeFilm } from './films.js';

/** Shares no word with the films: nothing can be left out, all of the timeline is read. */
const WHOLE = ['Who wrote the poem?', 'Which doctor is ill?'] as const;

/** Seconds between the first question, asked as soon as a film is answerable, and the second: somebody reads the answer. */
const SHORTEST_PAUSE = 10;

/** Reads one film with all that a process needs for it, opened here, and asks about it. @param dataDir new: nothing is known beforehand, and what is kept can be counted */
export async function measure(film: MadeFilm, warmUp: MadeFilm, dataDir: string): Promise<Row> {
  const loaded = loadConfig();
  // Three hours of such a talk are just over the largest file that is taken by default.
  const limits = { ...loaded.limits, maxFileBytes: Math.max(loaded.limits.maxFileBytes, 2 ** 32) };
  const config = { ...loaded, dataDir, limits };
  const tessera = await openTessera(config, { private: true, warm: ['vision', 'speech', 'decoder'] });
  try {
    await compose(tessera, warmUp);
    const before = await kept(tessera, dataDir);
    const reading = await ingest(tessera, film);
    const asked = await question(tessera, film);
    const { size } = await stat(film.file);
    return { film: film.name, minutes: film.seconds / 60, 'file MB': size / 1e6, 'Mbit/s': (8e-6 * size) / film.seconds, ...reading, ...asked, ...shares(minus(await kept(tessera, dataDir), before), film, size) }; // prettier-ignore
  } finally {
    await tessera.close();
  }
}

const source = ({ file }: MadeFilm) => ({ type: 'file' as const, path: file, name: basename(file) });

async function compose(tessera: Tessera, film: MadeFilm): Promise<void> {
  await tessera.jobs.result(await tessera.jobs.submit(await composeTree(source(film))));
}

async function ingest(tessera: Tessera, film: MadeFilm): Promise<Row> {
  const memory = watchMemory();
  const started = performance.now();
  await compose(tessera, film);
  const elapsed = (performance.now() - started) / 1000;
  const peak = memory.stop();
  return {
    'times real time': film.seconds / elapsed,
    'peak MiB, all': Math.round(peak.all / 2 ** 20),
    'peak MiB, own': Math.round(peak.own / 2 ** 20),
  };
}

async function question(tessera: Tessera, film: MadeFilm): Promise<Row> {
  const first = await ask(tessera, film, film.questions[0]);
  const pause = Math.max(SHORTEST_PAUSE, film.seconds / 100);
  await sleep(1000 * pause);
  const times: number[] = [];
  for (const each of [film.questions[1], ...WHOLE]) times.push(await ask(tessera, film, each));
  const [second, whole, wholeAgain] = times.map(Math.round) as [number, number, number];
  return {
    'first ms': Math.round(first),
    'pause s': pause,
    'second ms': second,
    'whole ms': whole,
    'whole again ms': wholeAgain,
  };
}

/** Milliseconds to the first token. */
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

/** What is kept beside the file, which is kept too. */
function shares({ pages, blobs, database }: Kept, film: MadeFilm, size: number): Row {
  const all = pages + blobs - size + database;
  return {
    'pages MB': pages / 1e6,
    'blobs MB': (blobs - size) / 1e6,
    'database MB': database / 1e6,
    'kept KB a minute': all / 1e3 / (film.seconds / 60),
    'kept %': (100 * all) / size,
  };
}

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
