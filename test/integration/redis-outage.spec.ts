import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Jobs } from '#jobs';
import { readiness } from '#platform';
import { photoTree, testHandlers } from '../support/handlers.js';
import { hasRedis, startRedis, type OuterServer } from '../support/servers.js';

describe.runIf(hasRedis())('a queue in Redis', () => {
  let server: OuterServer;
  let client: Redis;
  let jobs: Jobs;
  let stopped = false;
  const stop = async (): Promise<void> => {
    if (!stopped) await server.stop();
    stopped = true;
  };
  beforeEach(async () => {
    server = await startRedis();
    stopped = false;
    client = new Redis(server.url, { retryStrategy: () => null });
    client.on('error', () => undefined);
    const queue = { url: server.url, cpuJobs: 2, answerJobs: 2, resultSeconds: 60, mediaSeconds: 3600 };
    jobs = await Jobs.open({ config: { queue }, connection: {} });
  });
  afterEach(async () => {
    await jobs.close({ graceMs: 100 });
    client.disconnect();
    await stop();
  });

  const ready = () => readiness({ queue: () => jobs.count(['queued']) }, false);
  const secondsOf = async (work: Promise<unknown>): Promise<number> => {
    const begun = performance.now();
    await work;
    return (performance.now() - begun) / 1000;
  };

  test('of a tree that has ended everything expires', async () => {
    const id = await jobs.submit(photoTree('a'));
    const kept = () => Promise.all(['tree', 'events'].map((what) => client.ttl(`tessera:tessera:${what}:${id}`)));
    expect(await kept()).toEqual([-1, -1]);
    await jobs.cancel(id);
    for (const seconds of await kept()) expect(seconds).toBeGreaterThan(50);
  });

  test('without Redis, an edge says that it is not ready, its requests fail, and it can leave', async () => {
    expect(await ready()).toMatchObject({ status: 'ok' });
    await stop();
    expect(await secondsOf(ready())).toBeLessThan(3);
    expect(await ready()).toMatchObject({ status: 'unavailable', checks: { queue: 'no answer within 2 s' } });
    await expect(jobs.submit(photoTree('late'))).rejects.toThrow();
    expect(await secondsOf(jobs.close())).toBeLessThan(5);
  });

  test('without Redis, a worker can leave, though it cannot give back its job', async () => {
    const seen = { started: [] as string[], aborted: [] as string[] };
    jobs.host(testHandlers(seen), { lostAfterMs: 100 });
    await jobs.submit(photoTree('slow'));
    await expect.poll(() => seen.started).toEqual(['slow']);
    await stop();
    expect(await secondsOf(jobs.close({ graceMs: 500 }))).toBeLessThan(14);
    expect(seen.aborted).toEqual(['slow']);
  });

  test('a Redis that stands still is no different', async () => {
    jobs.host(testHandlers());
    await client.call('client', 'pause', '60000', 'all');
    expect(await ready()).toMatchObject({ status: 'unavailable' });
    expect(await secondsOf(jobs.close())).toBeLessThan(11);
  });
});
