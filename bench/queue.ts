import { openAsBlob } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { JobResult, JobTree } from '#contracts';
import { Jobs, type Handlers } from '#jobs';
import { loadConfig, runProcess } from '#platform';
import { openDatabase } from '#storage';
import { quantile } from './quantile.js';
import { report, type Row } from './report.js';
import { startServer } from './server.js';

const BETWEEN_MS = 10;
const FILM_SECONDS = 180;
/** Bounds that the table is compared with, in milliseconds. */
const MOST = { start: 25, state: 50 };

const quantiles = (what: string, times: readonly number[], most: number, share: number): Row => ({
  what,
  times: times.length,
  min: Math.min(...times),
  median: quantile(times, 0.5),
  p95: quantile(times, 0.95),
  p99: quantile(times, 0.99),
  max: Math.max(...times),
  wanted: `p${100 * share} < ${most} ms: ${quantile(times, share) < most ? 'yes' : 'no'}`,
});

const MEDIUM: JobResult<'media.ingest'> = {
  id: '0'.repeat(64),
  kind: 'image',
  name: 'photo',
  mimeType: 'image/png',
  bytes: 1,
  tracks: [],
};

const unasked = () => Promise.reject(new Error('This job was not asked for.'));
const OTHERS = {
  'media.see': unasked,
  'media.hear': unasked,
  'media.compose': unasked,
  'media.extract': unasked,
} satisfies Partial<Handlers>;

/** Milliseconds from the call of `submit` to that of the handler, on a queue in an embedded database of its own. */
async function startTimes(jobs: number): Promise<number[]> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tessera-queue-'));
  const config = loadConfig({ TESSERA_DATA_DIR: dataDir });
  const database = await openDatabase(config);
  const queue = await Jobs.open({ config, connection: database.connection });
  try {
    const started = new Map<string, number>();
    const ingest: Handlers['media.ingest'] = async (_payload, { id }) => {
      started.set(id, performance.now());
      return MEDIUM;
    };
    queue.host({ ...OTHERS, 'media.ingest': ingest }, { queues: ['media'] });
    const tree: JobTree = { name: 'media.ingest', payload: { source: { type: 'file', path: '/photo', name: 'photo' } } };
    const times: number[] = [];
    for (let i = 0; i < jobs; i++) {
      const begun = performance.now();
      const id = await queue.submit(tree);
      await queue.result(id);
      times.push((started.get(id) ?? NaN) - begun);
      await sleep(BETWEEN_MS);
    }
    return times;
  } finally {
    await queue.close();
    await database.close();
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** A talk that is watched again and again in changing colours, so that no frame is known. */
async function film(folder: string): Promise<string> {
  const talk = new URL('../../samples/talk.mp4', import.meta.url).pathname;
  const file = join(folder, 'film.mp4');
  const changing = ['-vf', 'hue=h=t*7', '-af', "volume='0.8+0.2*sin(t/97)':eval=frame", '-preset', 'ultrafast'];
  const args = ['-v', 'error', '-stream_loop', '-1', '-i', talk, '-t', String(FILM_SECONDS), ...changing, file];
  await runProcess('ffmpeg', args, { timeoutMs: 600_000 });
  return file;
}

/** Milliseconds that `GET /v1/jobs/:id` takes, asked again and again as long as that job, a question about a film, is worked on. */
async function stateTimes(): Promise<number[]> {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-film-'));
  const server = await startServer();
  try {
    const body = new FormData();
    body.append('files', await openAsBlob(await film(folder)), 'film.mp4');
    body.append('question', 'What is said and shown?');
    const asked = await fetch(`${server.url}/v1/questions`, {
      method: 'POST',
      body,
      headers: { prefer: 'respond-async' },
    });
    const { id } = (await asked.json()) as { id: string };
    const times: number[] = [];
    for (let state = 'queued'; state === 'queued' || state === 'running'; await sleep(BETWEEN_MS)) {
      const begun = performance.now();
      const response = await fetch(`${server.url}/v1/jobs/${id}`);
      const job = (await response.json()) as { status: string };
      times.push(performance.now() - begun);
      state = job.status;
    }
    return times;
  } finally {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * How soon a job of the embedded queue starts, over `--jobs N` (400) of them one after another, and how soon the state of a job is told
 * while it keeps both cores busy.
 */
export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: { jobs: { type: 'string', default: '400' } } });
  report('queue', [
    quantiles('submit to start, ms', await startTimes(Number(values.jobs)), MOST.start, 0.95),
    quantiles('GET /v1/jobs/:id while a film is processed, ms', await stateTimes(), MOST.state, 0.99),
  ]);
}
