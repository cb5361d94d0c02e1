import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { TesseraError } from '#contracts';
import { median, quantile } from './quantile.js';
import { report, type Row } from './report.js';
import { startServer } from './server.js';
import { wav } from './wav.js';

const AT_ONCE = 4;
/** Shares of the jobs after the warm-up whose memory is compared. */
const SHARE = 0.25;
const MAX_GROWTH = 0.05;
/** Looking through the memory of all processes takes some milliseconds: once in so many jobs. */
const LOOK_EVERY = 5;
/**
 * Memory of the decoder's pages: a cache that grows to its bound, 512 MB unless set, by some 0.14 MB a job. This small it is full when the
 * comparison begins; 2,000 jobs would not fill the other.
 */
const KV_MEMORY = '32MiB';
/** How often the numbers so far are told. */
const TELL_EVERY = 200;

interface Work {
  path: string;
  body: FormData | string;
}

const file = (
  name: string,
  data: string | Uint8Array<ArrayBuffer>,
  field = 'file',
  fields: Record<string, string> = {},
) => {
  const form = new FormData();
  for (const [key, value] of Object.entries(fields)) form.append(key, value);
  form.append(field, new Blob([data]), name);
  return form;
};

/** Half a second of a tone of its own, 16 kHz. */
function tone(i: number): Uint8Array<ArrayBuffer> {
  const samples = Int16Array.from({ length: 8000 }, (_, n) => 8000 * Math.sin((n * (200 + i)) / 4000));
  return new Uint8Array(wav(new Uint8Array(samples.buffer)));
}

const picture = (i: number) =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="96" height="96"><rect width="96" height="96" fill="hsl(${i % 360},60%,50%)"/><circle cx="${20 + (i % 50)}" cy="48" r="${8 + (i % 17)}"/></svg>`;

/** Small, mixed, and no two alike: what is known already would cost nothing. */
const WORK: ((i: number) => Work)[] = [
  (i) => ({ path: '/v1/images/descriptions', body: file(`${i}.svg`, picture(i), 'file', { max_tokens: '8' }) }),
  (i) => ({ path: '/v1/questions', body: file(`${i}.md`, `# Note ${i}\n\nThe box number ${i} holds ${i * 7} stones.\n`, 'files', { question: 'How many stones?', max_tokens: '8' }) }), // prettier-ignore
  (i) => ({ path: '/v1/audio/transcriptions', body: file(`${i}.wav`, tone(i)) }),
  (i) => ({ path: '/v1/chat/completions', body: JSON.stringify({ messages: [{ role: 'user', content: `Say ${i}.` }], max_tokens: 8 }) }), // prettier-ignore
]; // prettier-ignore

const tell = (job: number, memory: { own: number; all: number } | undefined): void =>
  void process.stderr.write(`${job} jobs: ${Math.round((memory?.own ?? 0) / 1e6)} MB, all processes ${Math.round((memory?.all ?? 0) / 1e6)} MB\n`); // prettier-ignore

/** Asks for a job's state again and again, as people who wait do; a film is worked on meanwhile. */
async function watch(url: string, until: AbortSignal): Promise<number[]> {
  const film = new Uint8Array(await readFile(new URL('../../samples/talk.mp4', import.meta.url)));
  const asked = await fetch(`${url}/v1/questions`, {
    method: 'POST',
    body: file('talk.mp4', film, 'files', { question: 'What is shown?' }),
    headers: { prefer: 'respond-async' },
  });
  const { id } = (await asked.json()) as { id: string };
  const times: number[] = [];
  while (!until.aborted) {
    const begun = performance.now();
    await (await fetch(`${url}/v1/jobs/${id}`)).arrayBuffer();
    times.push(performance.now() - begun);
    await sleep(25);
  }
  return times;
}

/**
 * Memory of the service over many small mixed jobs, and how fast the state of a job is told meanwhile.
 * `--jobs N` (2,000), of which the first `--warm N` (200) are not compared. Fails when memory changes by more than 5 %, that of the
 * server or that of all its processes together.
 */
export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: { jobs: { type: 'string', default: '2000' }, warm: { type: 'string', default: '200' } } }); // prettier-ignore
  const [jobs, warm] = [Number(values.jobs), Number(values.warm)];
  process.env['TESSERA_KV_MEMORY'] ??= KV_MEMORY;
  const server = await startServer();
  const over = new AbortController();
  try {
    const watching = watch(server.url, over.signal);
    const memory: { job: number; own: number; all: number }[] = [];
    const failures: string[] = [];
    let next = 0;
    const client = async (): Promise<void> => {
      for (let i = next++; i < jobs; i = next++) {
        const work = WORK[i % WORK.length] as (i: number) => Work;
        const { path, body } = work(i);
        const headers: Record<string, string> = typeof body === 'string' ? { 'content-type': 'application/json' } : {};
        const response = await fetch(server.url + path, { method: 'POST', body, headers });
        const text = await response.text();
        // A tone says nothing: that is an answer too.
        if (response.status >= 500) failures.push(`${path} ${response.status} ${text.slice(0, 200)}`);
        if (i % LOOK_EVERY === 0)
          memory.push({ job: i, own: (await server.residentBytes()) ?? NaN, all: server.treeBytes() });
        if (i % TELL_EVERY === 0) tell(i, memory.at(-1));
      }
    };
    const begun = performance.now();
    await Promise.all(Array.from({ length: AT_ONCE }, client));
    const seconds = (performance.now() - begun) / 1000;
    over.abort();
    const states = await watching;
    const compared = memory.filter(({ job }) => job >= warm);
    const share = Math.max(1, Math.floor(compared.length * SHARE));
    const change = (of: 'own' | 'all'): { first: number; last: number; growth: number } => {
      const [first, last] = [compared.slice(0, share), compared.slice(-share)].map((part) => median(part.map((each) => each[of]))) as [number, number]; // prettier-ignore
      return { first, last, growth: last / first - 1 };
    };
    const [all, own] = [change('all'), change('own')];
    const row: Row = {
      jobs,
      'jobs a second': jobs / seconds,
      failed: failures.length,
      'all processes MB, first quarter': all.first / 1e6,
      'last quarter': all.last / 1e6,
      'change %': 100 * all.growth,
      'server alone MB, first quarter': own.first / 1e6,
      'its last quarter': own.last / 1e6,
      'its change %': 100 * own.growth,
      'GET job ms, p50': quantile(states, 0.5),
      'GET job ms, p99': quantile(states, 0.99),
    };
    report('Memory over many small jobs', [row], { warm, atOnce: AT_ONCE, kvMemory: process.env['TESSERA_KV_MEMORY'] });
    if (failures.length > 0) throw new TesseraError('internal', `${failures.length} jobs failed: ${failures[0]}`);
    for (const [whose, { growth }] of Object.entries({ 'all processes': all, 'the server': own }))
      if (Math.abs(growth) > MAX_GROWTH)
        throw new TesseraError('internal', `Memory of ${whose} changed by ${(100 * growth).toFixed(1)} %.`);
  } finally {
    over.abort();
    await server.stop();
  }
}
