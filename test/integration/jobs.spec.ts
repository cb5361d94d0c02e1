import { randomUUID } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FlowProducer } from 'bullmq';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { TesseraError, type JobEvent, type JobTree } from '#contracts';
import { Jobs } from '#jobs';
import { loadConfig, type Config } from '#platform';
import { openDatabase, type Database } from '#storage';
import { photoTree, testHandlers } from '../support/handlers.js';
import { runScript } from '../support/script.js';
import { hasPostgres, hasRedis, startPostgres, startRedis, type OuterServer } from '../support/servers.js';

const HOST = new URL('../support/scripts/host-jobs.ts', import.meta.url);

interface Backend {
  name: string;
  start: () => Promise<{ env: Record<string, string>; server?: OuterServer }>;
}

const BACKENDS: Backend[] = [
  { name: 'embedded PostgreSQL', start: () => Promise.resolve({ env: {} }) },
  ...(hasPostgres()
    ? [
        {
          name: 'outer PostgreSQL',
          start: async () => startPostgres().then((server) => ({ server, env: { TESSERA_DATABASE_URL: server.url } })),
        },
      ]
    : []),
  ...(hasRedis()
    ? [
        {
          name: 'Redis',
          start: async () => startRedis().then((server) => ({ server, env: { TESSERA_QUEUE_URL: server.url } })),
        },
      ]
    : []),
];

const collect = async (events: AsyncIterable<{ event: JobEvent }>) => {
  const all: JobEvent[] = [];
  for await (const { event } of events) all.push(event);
  return all;
};

describe.each(BACKENDS)('jobs on $name', ({ start }) => {
  let folder: string;
  let env: Record<string, string>;
  let server: OuterServer | undefined;
  let config: Config;
  let database: Database;
  let jobs: Jobs;
  let seen: { aborted: string[]; started: string[] };
  let scope = 0;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tessera-jobs-'));
    chmodSync(folder, 0o711);
    const started = await start();
    server = started.server;
    env = { HOME: folder, TESSERA_DATA_DIR: folder, ...started.env };
    config = loadConfig(env);
    database = await openDatabase(config);
  });
  afterAll(async () => {
    await database.close();
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const open = () => Jobs.open({ config, connection: database.connection, scope: `test${scope}` });
  beforeEach(async () => {
    scope++;
    seen = { aborted: [], started: [] };
    jobs = await open();
  });
  afterEach(() => jobs.close({ graceMs: 100 }));

  test('a tree runs from its leaves to its root; children’s results come in submit order', async () => {
    jobs.host(testHandlers(seen));
    const id = await jobs.submit(photoTree('c', 'a', 'b'));
    const answer = await jobs.result<'answer'>(id);
    expect(answer.text).toBe('What? ← c + a + b');
    expect(answer.citations.map(({ input }) => input)).toEqual(['c', 'a', 'b']);
    expect(await jobs.status(id)).toMatchObject({ kind: 'answer', state: 'completed', error: null });
  });

  test('events come in order, can be resumed, and end with the tree', async () => {
    const id = await jobs.submit(photoTree('a'));
    jobs.host(testHandlers(seen));
    const all: { id: string; event: JobEvent }[] = [];
    for await (const entry of jobs.events(id)) all.push(entry);
    const states = all
      .filter(({ event }) => event.type === 'state')
      .map(({ event }) => (event as { state: string }).state);
    expect(states).toEqual(['queued', 'running', 'completed']);
    expect(all.flatMap(({ event }) => (event.type === 'token' ? event.text : [])).join('')).toBe('What? ← a');
    expect(all.some(({ event }) => event.type === 'progress' && event.stage === 'ingest')).toBe(true);

    const half = all[Math.floor(all.length / 2)]?.id;
    expect(await collect(jobs.events(id, { after: half }))).toEqual(
      all.slice(Math.floor(all.length / 2) + 1).map(({ event }) => event),
    );
    expect(await collect(jobs.events(id, { after: all.at(-1)?.id }))).toEqual([]);
    expect(await jobs.status(id)).toMatchObject({ stage: 'ingest', percent: 50 });
  });

  test('a failed child fails its tree with its own error, and stops its siblings', async () => {
    jobs.host(testHandlers(seen));
    const id = await jobs.submit(photoTree('slow', 'bad late'));
    const error = await jobs.result(id).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(TesseraError);
    expect(error).toMatchObject({ code: 'corrupt_media', message: 'bad late is cut off.', param: 'file' });
    await expect.poll(() => seen.aborted).toEqual(['slow']);
    expect(await collect(jobs.events(id)).then((events) => events.at(-1))).toEqual({ type: 'state', state: 'failed' });
    expect(seen.started.filter((name) => name === 'bad late')).toHaveLength(1);
  });

  test('transient errors are tried again with a pause, up to a limit', async () => {
    jobs.host(testHandlers(seen));
    const start = Date.now();
    expect(await jobs.result<'answer'>(await jobs.submit(photoTree('flaky')))).toMatchObject({ text: 'What? ← flaky' });
    expect(Date.now() - start).toBeGreaterThan(800);
    expect(seen.started).toEqual(['flaky', 'flaky', 'flaky']);
  });

  test('a store that cannot be reached is waited for, without an attempt', async () => {
    jobs.host(testHandlers(seen));
    const start = Date.now();
    expect(await jobs.result<'answer'>(await jobs.submit(photoTree('away')))).toMatchObject({ text: 'What? ← away' });
    expect(seen.started).toEqual(['away', 'away', 'away', 'away']);
    // By its pauses, not by the end of its lock.
    expect(Date.now() - start).toBeGreaterThan(1700);
    expect(Date.now() - start).toBeLessThan(9000);
  });

  test('a result that breaks its contract is an internal error, after all tries', async () => {
    jobs.host(testHandlers(seen));
    await expect(jobs.result(await jobs.submit(photoTree('wrong')))).rejects.toMatchObject({ code: 'internal' });
    expect(seen.started).toHaveLength(3);
  });

  test('a wrong payload is refused before anything is queued', async () => {
    const tree = photoTree('a');
    (tree.payload as { sampling: object }).sampling = { temperature: 9 };
    await expect(jobs.submit(tree)).rejects.toMatchObject({ code: 'invalid_request', param: 'sampling.temperature' });
    await expect(jobs.submit({ name: 'dance', payload: {} } as unknown as JobTree)).rejects.toMatchObject({
      code: 'invalid_request',
    });
    expect(await jobs.list({ limit: 10 })).toEqual([]);
  });

  test('a running job is cancelled within a second, a waiting one never starts, and the worker goes on', async () => {
    jobs.host(testHandlers(seen), { concurrency: { media: 1, answer: 1 } });
    const running = await jobs.submit(photoTree('slow1'));
    await expect.poll(() => seen.started).toEqual(['slow1']);
    const waiting = await jobs.submit(photoTree('slow2'));
    const start = Date.now();
    expect(await jobs.cancel(waiting)).toBe(true);
    expect(await jobs.cancel(running)).toBe(true);
    expect(await jobs.cancel(running)).toBe(false);
    await expect.poll(() => seen.aborted, { timeout: 1000 }).toEqual(['slow1']);
    expect(Date.now() - start).toBeLessThan(1000);
    await expect(jobs.result(running)).rejects.toMatchObject({ code: 'cancelled' });
    expect(await jobs.result(await jobs.submit(photoTree('next')))).toMatchObject({ text: 'What? ← next' });
    expect(seen.started).toEqual(['slow1', 'next']);
  });

  test('waiting for a result or for events can be given up; the job goes on', async () => {
    jobs.host(testHandlers(seen));
    const id = await jobs.submit(photoTree('slow'));
    // How soon it starts is another matter: on a busy machine later than the waiting below ends.
    await expect.poll(() => seen.started).toEqual(['slow']);
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 50);
    await expect(jobs.result(id, { signal: abort.signal })).rejects.toMatchObject({ code: 'cancelled' });
    expect((await collect(jobs.events(id, { signal: AbortSignal.timeout(50) }))).length).toBeGreaterThan(0);
    expect(await jobs.status(id)).toMatchObject({ state: 'running' });
    await jobs.cancel(id);
  });

  test('jobs are listed, counted, run again and forgotten', async () => {
    jobs.host(testHandlers(seen));
    const bad = await jobs.submit(photoTree('bad'), { priority: 'batch' });
    await jobs.result(bad).catch(() => undefined);
    const good = await jobs.submit(photoTree('good'));
    await jobs.result(good);
    expect((await jobs.list({ limit: 10 })).map(({ id }) => id)).toEqual([good, bad]);
    expect((await jobs.list({ limit: 10, before: good })).map(({ id }) => id)).toEqual([bad]);
    expect((await jobs.list({ limit: 10, states: ['failed'] })).map(({ id }) => id)).toEqual([bad]);
    expect(await jobs.count(['queued', 'running'])).toBe(0);
    await expect(jobs.retry(good)).rejects.toMatchObject({ code: 'conflict' });
    const again = await jobs.retry(bad);
    await expect(jobs.result(again)).rejects.toMatchObject({ code: 'corrupt_media' });
    await jobs.remove(bad);
    await expect(jobs.status(bad)).rejects.toMatchObject({ code: 'job_not_found' });
    await expect(jobs.result('no-such-job')).rejects.toMatchObject({ code: 'job_not_found' });
    await expect(collect(jobs.events('no-such-job'))).rejects.toMatchObject({ code: 'job_not_found' });
  });

  test('interactive work overtakes batches', async () => {
    const order: string[] = [];
    for (const name of ['b1', 'b2', 'b3']) await jobs.submit(photoTree(name), { priority: 'batch' });
    const last = await jobs.submit(photoTree('now'));
    jobs.host(testHandlers(seen), { concurrency: { media: 1, answer: 1 } });
    void jobs.result(last).then(() => order.push('now'));
    await expect.poll(() => order, { timeout: 5000 }).toEqual(['now']);
    expect(seen.started[0]).toBe('now');
  });

  test('processes share the work, the news and the cancelling', async () => {
    const worker = runScript(HOST, [`test${scope}`], env);
    await worker.line();
    expect(await jobs.result(await jobs.submit(photoTree('there')))).toMatchObject({ text: 'What? ← there' });
    expect(await worker.line()).toBe('started there');
    const slow = await jobs.submit(photoTree('slow'));
    expect(await worker.line()).toBe('started slow');
    const start = Date.now();
    await jobs.cancel(slow);
    expect(await worker.line()).toBe('aborted slow');
    expect(Date.now() - start).toBeLessThan(1000);
    worker.child.stdin?.write('end\n');
    expect(await worker.ended).toBe(0);
  });

  test('a worker that leaves gives its job back; one that is killed loses it to the next', async () => {
    const first = runScript(HOST, [`test${scope}`], env);
    await first.line();
    const id = await jobs.submit(photoTree('slow'));
    expect(await first.line()).toBe('started slow');
    first.child.stdin?.write('end\n');
    expect(await first.ended).toBe(0);
    expect(await jobs.status(id)).toMatchObject({ state: 'running' });

    const second = runScript(HOST, [`test${scope}`], env);
    await second.line();
    expect(await second.line()).toBe('started slow');
    second.child.kill('SIGKILL');
    await second.ended;
    const again = await open();
    again.host(testHandlers(seen));
    await expect.poll(() => seen.started, { timeout: 40_000, interval: 200 }).toEqual(['slow']);
    await jobs.cancel(id);
    await expect.poll(() => seen.aborted).toEqual(['slow']);
    await again.close({ graceMs: 100 });
  });

  test('a connection that the server ends is made anew, and the jobs go on', async () => {
    if (env['TESSERA_QUEUE_URL']) return;
    const other = await open();
    const heard: string[] = [];
    const end = () =>
      database.pool.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'tessera-queue' and query like 'listen %'`,
      );
    expect((await end()).rowCount).toBeGreaterThan(0);
    await sleep(1500);
    expect((await end()).rowCount).toBeGreaterThan(0);
    await sleep(1500);
    jobs.host(testHandlers(seen));
    const id = await other.submit(photoTree('there'));
    for await (const { event } of other.events(id)) if (event.type === 'state') heard.push(event.state);
    expect(heard.at(-1)).toBe('completed');
    await other.close({ graceMs: 100 });
  });

  test('what was written down and never queued, because its process died between the two, is queued', async () => {
    const id = randomUUID();
    await new Promise<void>((died) => {
      vi.spyOn(FlowProducer.prototype, 'add').mockImplementationOnce(() => {
        died();
        return new Promise(() => undefined);
      });
      void jobs.submit(photoTree('lost'), { id });
    });
    vi.restoreAllMocks();
    // Only now: of two that are written down at the same moment, either may come to the queue first.
    const kept = await jobs.submit(photoTree('kept'));
    expect(await jobs.status(id)).toMatchObject({ state: 'queued' });

    const next = await open();
    await next.pause();
    next.host(testHandlers(seen), { lostAfterMs: 200 });
    // What waits its turn is not lost, however long it waits.
    await sleep(1000);
    await next.resume();
    expect(await next.result(id)).toMatchObject({ text: 'What? ← lost' });
    expect(await next.result(kept)).toMatchObject({ text: 'What? ← kept' });
    expect(seen.started.filter((each) => each === 'lost')).toHaveLength(1);
    expect(seen.started.filter((each) => each === 'kept')).toHaveLength(1);
    await next.close({ graceMs: 100 });
  });

  test('private jobs are nobody else’s business and leave nothing', async () => {
    const [one, two] = [0, 1].map(() => Jobs.open({ config, connection: database.connection, scope: 'private' }));
    const mine = await (one as Promise<Jobs>);
    const yours = await (two as Promise<Jobs>);
    yours.host(testHandlers(seen));
    const id = await mine.submit(photoTree('secret'));
    await sleep(200);
    expect(seen.started).toEqual([]);
    await expect(yours.status(id)).rejects.toMatchObject({ code: 'job_not_found' });
    mine.host(testHandlers());
    expect(await mine.result(id)).toMatchObject({ text: 'What? ← secret' });
    await mine.close();
    await yours.close();
  });

  test('what a private process left behind when it died goes with the next one', async () => {
    const dead = await Jobs.open({ config, connection: database.connection, scope: 'own-1-dead' });
    const id = await dead.submit(photoTree('lost'));
    await dead.close();
    const left = async () => {
      const { rows } = await database.pool.query<{ n: number }>(
        `select count(*)::int as n from bullmq.job where queue like 'own-1-dead%'`,
      );
      return rows[0]?.n;
    };
    if (env['TESSERA_QUEUE_URL']) return;
    expect(await left()).toBe(4);
    await database.pool.query(`update tessera_queue.tree set created_at = now() - interval '2 days' where id = $1`, [
      id,
    ]);
    const next = await Jobs.open({ config, connection: database.connection, scope: 'private' });
    await next.close();
    expect(await left()).toBe(0);
  });

  test('no host without all handlers', () => {
    const handlers: Record<string, unknown> = { ...testHandlers(), dance: () => undefined };
    delete handlers['answer'];
    expect(() => jobs.host(handlers)).toThrow(/answer has no handler; dance is not a job/);
    const twice = [...Object.entries(testHandlers()), ['answer', () => undefined]] as [string, unknown][];
    expect(() => jobs.host(twice)).toThrow(/answer has more than one handler/);
    expect(() => jobs.host({}, { queues: ['answer'] })).toThrow(/^(?!.*media).*answer has no handler/);
  });
});
