import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { form, PNG, startApi, type TestApi } from '../support/api.js';

const KEY = Buffer.from('a webhook key of thirty-two byte');
const SECRET = `whsec_${KEY.toString('base64')}`;

interface Received {
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** A receiver on loopback. What it answers is told beforehand, in order; after that, 204. */
const received: Received[] = [];
const answers: { status: number; headers?: Record<string, string> }[] = [];
let receiver: Server;
let hook: string;
let api: TestApi;

beforeAll(async () => {
  receiver = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    received.push({ path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks).toString() });
    const { status, headers } = answers.shift() ?? { status: 204 };
    response.writeHead(status, headers).end();
  });
  await new Promise<void>((done) => receiver.listen(0, '127.0.0.1', done));
  hook = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
  api = await startApi({ TESSERA_WEBHOOK_SECRET: SECRET, TESSERA_ALLOW_PRIVATE_URLS: 'true' });
});
afterAll(async () => {
  await api.close();
  receiver.close();
});
beforeEach(() => {
  received.length = 0;
  answers.length = 0;
});

interface Delivery {
  id: string;
  job_id: string;
  status: string;
  event: string | null;
  attempts: { status: number | null; error: string | null }[];
  next_attempt_at: number | null;
}

const later = { prefer: 'respond-async' };
const ask = (question: string, headers: Record<string, string>, file?: string) =>
  fetch(`${api.url}/v1/questions`, {
    method: 'POST',
    headers,
    body: form({ question }, file ? [['files', file, PNG]] : []),
  });
const start = async (question: string, path: string, file?: string) => {
  const response = await ask(question, { ...later, 'webhook-url': hook + path }, file);
  expect(response.status).toBe(202);
  return ((await response.json()) as { id: string }).id;
};
const deliveries = async (query: string) =>
  ((await (await fetch(`${api.url}/v1/webhooks/deliveries?${query}`)).json()) as { data: Delivery[] }).data;
const deliveryOf = async (job: string) => (await deliveries(`job=${job}`))[0] as Delivery;
const redeliver = (id: string) => fetch(`${api.url}/v1/webhooks/deliveries/${id}/redeliver`, { method: 'POST' });
const codeOf = async (response: Response) => [
  response.status,
  ((await response.json()) as { error: { code: string; param: string | null } }).error,
];
/** Pauses of hours are not waited for: what is due later is made due now. */
const letTimePass = () => api.database.pool.query('update tessera.webhook_delivery set next_at = now()');

/** A receiver's own check, after the specification and not by our code. */
function verified({ headers, body }: Received): { type: string; data: Record<string, unknown> } {
  const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`;
  expect(headers['webhook-signature']).toBe(`v1,${createHmac('sha256', KEY).update(signed).digest('base64')}`);
  expect(Math.abs(Date.now() / 1000 - Number(headers['webhook-timestamp']))).toBeLessThan(60);
  expect(headers['content-type']).toBe('application/json');
  return JSON.parse(body) as { type: string; data: Record<string, unknown> };
}

describe('the end of a job', () => {
  test('is told at once, signed, with the place of the result', async () => {
    const job = await start('Why?', '/done');
    await expect.poll(() => received.length, { timeout: 3_000 }).toBe(1);
    const [message] = received as [Received];
    expect(verified(message)).toMatchObject({
      type: 'job.completed',
      data: {
        id: job,
        object: 'job',
        kind: 'question',
        status: 'completed',
        error: null,
        url: `${api.url}/v1/jobs/${job}`,
      },
    });
    expect(message.body).not.toContain('Why?');
    const result = (await (await fetch(`${api.url}/v1/jobs/${job}`)).json()) as { result: { answer: string } };
    expect(result.result.answer).toContain('Why?');
    await expect.poll(async () => (await deliveryOf(job)).status).toBe('delivered');
    expect(await deliveryOf(job)).toMatchObject({
      id: message.headers['webhook-id'],
      event: 'job.completed',
      attempts: [{ status: 204, error: null }],
      next_attempt_at: null,
    });
  });

  test('is told of a failure with its error, and of a cancel', async () => {
    const failed = await start('a', '/failed', 'bad.png');
    await expect.poll(() => received.length, { timeout: 3_000 }).toBe(1);
    expect(verified(received[0] as Received)).toMatchObject({
      type: 'job.failed',
      data: { id: failed, error: { code: 'corrupt_media', message: 'bad.png is cut off.' } },
    });
    const slow = await start('a', '/cancelled', 'slow.png');
    expect((await deliveryOf(slow)).status).toBe('waiting');
    expect((await codeOf(await redeliver((await deliveryOf(slow)).id)))[0]).toBe(409);
    await fetch(`${api.url}/v1/jobs/${slow}`, { method: 'DELETE' });
    await expect.poll(() => received.length, { timeout: 3_000 }).toBe(2);
    expect(verified(received[1] as Received)).toMatchObject({ type: 'job.cancelled', data: { id: slow } });
  });

  test('is told again until the receiver takes it: same id, same bytes, new timestamp', async () => {
    answers.push({ status: 500 }, { status: 503, headers: { 'retry-after': '3600' } });
    const job = await start('again', '/flaky');
    await expect.poll(async () => (await deliveryOf(job)).attempts.length, { timeout: 3_000 }).toBe(1);
    const first = await deliveryOf(job);
    expect(first.status).toBe('pending');
    const pause = (first.next_attempt_at ?? 0) - Date.now() / 1000;
    expect(pause).toBeGreaterThan(0);
    expect(pause).toBeLessThanOrEqual(5);

    await sleep(1_000);
    await letTimePass();
    await expect.poll(async () => (await deliveryOf(job)).attempts.length, { timeout: 3_000 }).toBe(2);
    expect((await deliveryOf(job)).next_attempt_at).toBeGreaterThan(Date.now() / 1000 + 3500);
    await letTimePass();
    await expect.poll(async () => (await deliveryOf(job)).status, { timeout: 3_000 }).toBe('delivered');
    expect((await deliveryOf(job)).attempts.map(({ status }) => status)).toEqual([500, 503, 204]);

    expect(received).toHaveLength(3);
    expect(new Set(received.map(({ body }) => body)).size).toBe(1);
    expect(new Set(received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect(new Set(received.map(({ headers }) => headers['webhook-timestamp'])).size).toBeGreaterThan(1);
    received.forEach(verified);
  });

  test('is told no more to who is gone, nor where a redirect leads; and again when asked to', async () => {
    answers.push({ status: 410 });
    const job = await start('gone', '/gone');
    await expect.poll(async () => (await deliveryOf(job)).status, { timeout: 3_000 }).toBe('failed');
    const { id } = await deliveryOf(job);
    answers.push({ status: 302, headers: { location: `${hook}/elsewhere` } });
    expect((await redeliver(id)).status).toBe(202);
    await expect.poll(async () => (await deliveryOf(job)).attempts.length, { timeout: 3_000 }).toBe(2);
    expect(await deliveryOf(job)).toMatchObject({
      status: 'pending',
      attempts: [{ status: 410 }, { status: null, error: 'The URL redirects, which is not followed here.' }],
    });
    expect((await redeliver(id)).status).toBe(202);
    await expect.poll(async () => (await deliveryOf(job)).status, { timeout: 3_000 }).toBe('delivered');
    expect(received.map(({ path }) => path)).toEqual(['/gone', '/gone', '/gone']);
    expect((await codeOf(await redeliver('msg_none')))[0]).toBe(404);
    expect((await deliveries('status=delivered&limit=1')).map((delivery) => delivery.id)).toEqual([id]);
  });

  test('that nobody heard of is found by looking: the promise outlives the process that made it', async () => {
    const done = ((await (await ask('b', later)).json()) as { id: string }).id;
    await expect.poll(async () => (await api.jobs.status(done)).state).toBe('completed');
    // As if the process that took the request had died: nothing follows this job.
    await api.records.deliveries.create({
      tenant: 'local',
      job: done,
      url: `${hook}/found`,
      jobUrl: 'https://tessera.example/v1/jobs/x',
      firstCheckSeconds: 0,
    });
    await expect.poll(() => received.map(({ path }) => path), { timeout: 3_000 }).toEqual(['/found']);
    // It is written down after the receiver has answered.
    const delivered = { status: 'delivered', event: 'job.completed' };
    await expect.poll(() => deliveryOf(done), { timeout: 3_000 }).toMatchObject(delivered);
  });

  test('of a job that runs again goes where that request says', async () => {
    const failed = await start('a', '/first', 'bad.png');
    await expect.poll(() => received.length, { timeout: 3_000 }).toBe(1);
    const response = await fetch(`${api.url}/v1/jobs/${failed}/retry`, {
      method: 'POST',
      headers: { 'webhook-url': `${hook}/second` },
    });
    const { id } = (await response.json()) as { id: string };
    await expect.poll(() => received.length, { timeout: 3_000 }).toBe(2);
    expect(received[1]?.path).toBe('/second');
    expect(verified(received[1] as Received).data['id']).toBe(id);
  });

  test('is told once for an idempotency key; the same key with another receiver is other work', async () => {
    const headers = { ...later, 'idempotency-key': 'once', 'webhook-url': `${hook}/once` };
    const jobs = await Promise.all(
      [1, 2, 3].map(async () => ((await (await ask('q', headers)).json()) as { id: string }).id),
    );
    expect(new Set(jobs).size).toBe(1);
    await expect.poll(async () => (await deliveryOf(jobs[0] as string)).status, { timeout: 3_000 }).toBe('delivered');
    expect(received).toHaveLength(1);
    expect((await codeOf(await ask('q', { ...headers, 'webhook-url': `${hook}/other` })))[0]).toBe(409);
  });
});

describe('what is due', () => {
  test('is taken by one of many, and by another when its lease ends', async () => {
    const quiet = await startApi();
    try {
      const { deliveries: all } = quiet.records;
      const job = 'a-job';
      await quiet.records.reserveRequest({ id: job, tenant: 'local', kind: 'question', options: {}, fingerprint: '' });
      for (let i = 0; i < 20; i++)
        await all.create({ tenant: 'local', job, url: hook, jobUrl: hook, firstCheckSeconds: i < 16 ? 0 : 60 });
      const claimed = (await Promise.all([1, 2, 3, 4].map(() => all.claim(5, 1)))).flat().map(({ id }) => id);
      claimed.push(...(await all.claim(5, 1)).map(({ id }) => id));
      expect([claimed.length, new Set(claimed).size]).toEqual([16, 16]);
      await sleep(1_100);
      expect((await all.claim(20, 60)).map(({ id }) => id).sort()).toEqual(claimed.sort());
      // Both were looked at before their jobs ended; one job ended right then.
      const [woken, other] = ['woken', 'other'] as const;
      for (const id of [woken, other]) {
        await quiet.records.reserveRequest({ id, tenant: 'local', kind: 'question', options: {}, fingerprint: '' });
        await all.create({ tenant: 'local', job: id, url: hook, jobUrl: hook, firstCheckSeconds: 0 });
      }
      const looked = await all.claim(2, 60);
      await all.wake(woken);
      for (const { id } of looked) await all.settle(id, { state: 'waiting', pauseSeconds: 60 });
      expect((await all.claim(5, 60)).map(({ job }) => job)).toEqual([woken]);
      // The log of a message goes with the record of its request.
      await quiet.records.deleteRequest(job);
      expect(await all.list('local', { limit: 1, job })).toEqual([]);
    } finally {
      await quiet.close();
    }
  });
});

describe('a receiver is refused', () => {
  test('when it is no URL that may be called, or nobody said that the result comes later', async () => {
    const wrong = async (headers: Record<string, string>) => codeOf(await ask('a', headers));
    expect(await wrong({ ...later, 'webhook-url': 'file:///etc/passwd' })).toMatchObject([
      422,
      { code: 'url_not_allowed', param: 'webhook-url' },
    ]);
    expect(await wrong({ 'webhook-url': hook })).toMatchObject([400, { param: 'webhook-url' }]);
    expect(await api.jobs.count(['queued', 'running'])).toBe(0);
  });

  test('without a secret, and inside the network; it is judged again when it is called', async () => {
    const strict = await startApi({ TESSERA_WEBHOOK_SECRET: SECRET });
    const none = await startApi();
    try {
      const send = (url: string, target: string) =>
        fetch(`${url}/v1/questions`, {
          method: 'POST',
          headers: { ...later, 'webhook-url': target, 'content-type': 'application/json' },
          body: JSON.stringify({ question: 'a' }),
        });
      expect(await codeOf(await send(none.url, 'https://example.com/'))).toMatchObject([
        400,
        { code: 'invalid_request', param: 'webhook-url' },
      ]);
      const again = await fetch(`${none.url}/v1/webhooks/deliveries/msg_any/redeliver`, { method: 'POST' });
      expect(await codeOf(again)).toMatchObject([400, { param: 'webhook-url' }]);
      for (const target of [
        hook,
        'http://169.254.169.254/latest',
        'http://[::1]/',
        'http://10.0.0.1/',
        'http://localhost/',
      ])
        expect(await codeOf(await send(strict.url, target))).toMatchObject([422, { code: 'url_not_allowed' }]);
      expect(await strict.records.deliveries.list('local', { limit: 1 })).toEqual([]);

      const { id: job } = (await (await send(strict.url, '')).json()) as { id: string };
      // Whoever looks before the end looks again after half a minute only.
      await expect
        .poll(async () => ((await (await fetch(`${strict.url}/v1/jobs/${job}`)).json()) as { status: string }).status, {
          timeout: 10_000,
        })
        .toMatch(/completed|failed/);
      await strict.records.deliveries.create({
        tenant: 'local',
        job,
        url: 'http://127.0.0.1/inside',
        jobUrl: 'https://tessera.example/v1/jobs/x',
        firstCheckSeconds: 0,
      });
      await expect
        .poll(async () => (await strict.records.deliveries.list('local', { limit: 1 }))[0]?.state, { timeout: 5_000 })
        .toBe('failed');
      const [refused] = await strict.records.deliveries.list('local', { limit: 1 });
      expect(refused?.attempts).toMatchObject([
        { status: null, error: expect.stringContaining('not a public address') as string },
      ]);
    } finally {
      await strict.close();
      await none.close();
    }
  });
});
