import { afterEach, expect, test } from 'vitest';
import { readiness, serveHealth, type HealthServer } from './health.js';

let server: HealthServer | undefined;
afterEach(() => server?.close());

const never = () => new Promise(() => undefined);

test('a check that does not answer counts as one that fails', async () => {
  const begun = performance.now();
  const checks = { database: async () => 1, queue: never, decoder: () => Promise.reject(new Error('it has died')) };
  expect(await readiness(checks, false)).toEqual({
    status: 'unavailable',
    checks: { database: 'ok', queue: 'no answer within 2 s', decoder: 'it has died' },
  });
  expect(performance.now() - begun).toBeLessThan(3000);
});

test('readiness is 200, then 503 from the moment of leaving', async () => {
  server = await serveHealth({ host: '127.0.0.1', port: 0, checks: { queue: async () => 0 } });
  const ready = await fetch(`${server.url}/health/ready`);
  expect([ready.status, await ready.json()]).toEqual([200, { status: 'ok', checks: { queue: 'ok' } }]);
  server.drain();
  expect((await fetch(`${server.url}/health/ready`)).status).toBe(503);
  expect((await fetch(`${server.url}/health/live`)).status).toBe(200);
});
