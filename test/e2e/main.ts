// The scaled-out service as plain processes, calm and then with workers that are killed all the time.
// npm run e2e -- [--requests N] [--concurrency N] [--kill-every SECONDS] [--report FILE]
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Checks } from './checks.js';
import { startCluster, type Cluster } from './cluster.js';
import { makeMedia, type Media } from './media.js';
import { blobsLeft, countRequests, endsOf, jobsLeft } from './remains.js';
import { KINDS, mix, send, type Outcome } from './requests.js';

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '60' },
    concurrency: { type: 'string', default: '32' },
    'kill-every': { type: 'string', default: '5' },
    report: { type: 'string' },
  },
});
const requests = Number(values.requests);
const concurrency = Number(values.concurrency);
const killEveryMs = Number(values['kill-every']) * 1000;

/** What the right answer of each kind says. The samples' makers know: samples/README.md, samples/make.sh. */
const SAYS: Record<string, RegExp> = {
  'image description': /cat/i,
  transcription: /\w+ \w+ \w+/,
  'question about a recording': /\w/,
  'question about a film': /\w/,
  'chat, streamed': /Paris/,
  'chat about a picture': /cat/i,
};

/** One of each kind through either edge: both say the same, which is the right answer from here on. */
async function calm(cluster: Cluster, media: Media, checks: Checks): Promise<Map<string, string>> {
  const right = new Map<string, string>();
  for (const kind of Object.keys(KINDS))
    await checks.run(`${kind}: the same right answer through both edges`, async () => {
      const [one, two] = cluster.apis.map(({ url }) => url) as [string, string];
      const { text } = await send(kind, one, media);
      const other = await send(kind, two, media);
      if (other.text !== text) throw new Error(`“${text}” and “${other.text}”`);
      if (!SAYS[kind]?.test(text)) throw new Error(`“${text}” is not what ${SAYS[kind]} says`);
      right.set(kind, text);
    });
  return right;
}

/** Kills one worker after the other, again and again, and starts it anew at once. */
async function killer(cluster: Cluster, over: AbortSignal): Promise<number> {
  let kills = 0;
  for (;;) {
    await sleep(killEveryMs, undefined, { signal: over }).catch(() => undefined);
    if (over.aborted) return kills;
    const victim = cluster.workers[kills % cluster.workers.length]!;
    await victim.kill('SIGKILL');
    victim.start();
    kills++;
  }
}

interface Wave {
  outcomes: { kind: string; outcome: Outcome }[];
  failures: string[];
  kills: number;
  seconds: number;
}

async function chaos(cluster: Cluster, media: Media): Promise<Wave> {
  const wave: Wave = { outcomes: [], failures: [], kills: 0, seconds: 0 };
  const queue = mix(requests).entries();
  const over = new AbortController();
  const killing = killer(cluster, over.signal);
  const started = performance.now();
  const client = async (): Promise<void> => {
    for (const [i, kind] of queue) {
      const { url } = cluster.apis[i % cluster.apis.length]!;
      const begun = performance.now();
      try {
        wave.outcomes.push({ kind, outcome: await send(kind, url, media) });
      } catch (error) {
        const { message, cause } = error as Error & { cause?: { code?: string; message?: string } };
        wave.failures.push(`${kind} after ${seconds(begun)} s: ${message} ${cause?.code ?? cause?.message ?? ''}`);
      }
      const done = wave.outcomes.length + wave.failures.length;
      if (done % 25 === 0) console.log(`  ${done} of ${requests} after ${seconds(started)} s`);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, client));
  over.abort();
  wave.kills = await killing;
  wave.seconds = Number(seconds(started));
  return wave;
}

const seconds = (since: number): string => ((performance.now() - since) / 1000).toFixed(1);

async function untilEmpty(read: () => Promise<string[]>, patienceMs = 90_000): Promise<void> {
  const until = Date.now() + patienceMs;
  for (;;) {
    const left = await read();
    if (left.length === 0) return;
    if (Date.now() > until) throw new Error(`${left.length}: ${left.slice(0, 5).join(', ')}`);
    await sleep(500);
  }
}

const none = (list: readonly string[]): void => {
  if (list.length > 0) throw new Error(`${list.length}: ${list.slice(0, 5).join(' | ')}`);
};

const checks = new Checks();
const media = makeMedia();
const cluster = await startCluster();
try {
  const right = await calm(cluster, media, checks);
  const before = await countRequests(cluster);
  console.log(`${requests} requests, ${concurrency} at once, a worker killed every ${killEveryMs / 1000} s:`);
  const wave = await chaos(cluster, media);
  const jobs = wave.outcomes.map(({ outcome }) => outcome.job);
  await checks.run('every request is answered', async () => none(wave.failures));
  await checks.run('every answer is the right one', async () =>
    none(
      wave.outcomes
        .filter(({ kind, outcome }) => outcome.text !== right.get(kind))
        .map(({ kind, outcome }) => `${kind}: “${outcome.text}”, not “${right.get(kind)}”`),
    ),
  );
  await checks.run('every request became one job, which ended once', async () => {
    const rows = (await countRequests(cluster)) - before;
    if (rows !== requests || new Set(jobs).size !== jobs.length)
      throw new Error(`${requests} requests, ${rows} rows, ${new Set(jobs).size} jobs`);
    none(
      [...(await endsOf(cluster, jobs))].filter(([, ends]) => ends !== 1).map(([job, ends]) => `${job} ${ends} times`),
    );
  });
  await checks.run('workers were killed while they worked', async () => {
    if (wave.kills < 2) throw new Error(`${wave.kills} kills in ${wave.seconds} s`);
  });
  await Promise.all(cluster.workers.map((worker) => worker.ready()));
  await checks.run('no job is left over', () => untilEmpty(() => jobsLeft(cluster)));
  await checks.run('no blob is left over', () => untilEmpty(() => blobsLeft(cluster)));
  await checks.run('SIGTERM ends every process well', async () => {
    const ends = await cluster.stop();
    none(
      Object.entries(ends)
        .filter(([, code]) => code !== 0)
        .map(([name, code]) => `${name} ended with ${code}`),
    );
  });
  await checks.run('no temp file and no process is left over', async () => none(cluster.leftovers()));
  console.log(
    `${wave.outcomes.length} answers in ${wave.seconds} s (${(wave.outcomes.length / wave.seconds).toFixed(2)}/s), ${wave.kills} kills`,
  );
  if (checks.failed > 0)
    for (const worker of [...cluster.workers, ...cluster.apis, cluster.decoder]) console.error(worker.tail());
} finally {
  await cluster.stop();
  cluster.remove();
}
if (values.report) {
  mkdirSync(dirname(values.report), { recursive: true });
  writeFileSync(values.report, JSON.stringify(checks.toReport()));
}
console.log(`${checks.passed} passed, ${checks.failed} failed`);
process.exit(checks.failed > 0 ? 1 : 0);
