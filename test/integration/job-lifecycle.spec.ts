import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { Jobs } from '#jobs';
import { Housekeeping } from '../../apps/api/housekeeping.js';
import { form, PNG, startApi, type TestApi } from '../support/api.js';
import { json, request } from '../support/http.js';

let api: TestApi;
let ada: string;
let bob: string;

beforeAll(async () => {
  api = await startApi({ TESSERA_AUTH: 'true', TESSERA_MAX_JOBS_PER_KEY: '2', TESSERA_RESULT_TTL: '1' });
  ada = (await api.records.createKey({ name: 'ada' })).secret;
  bob = (await api.records.createKey({ name: 'bob' })).secret;
});
afterAll(() => api.close());

const call = (
  method: string,
  path: string,
  body?: FormData | object,
  headers: Record<string, string> = {},
  key = ada,
) => fetch(api.url + path, request(method, body, headers, key));

async function describeLater(name: string, key = ada): Promise<string> {
  const body = form({}, [['file', name, PNG]]);
  const job = await json(call('POST', '/v1/images/descriptions', body, { prefer: 'respond-async' }, key));
  return String(job['id']);
}
const stateOf = async (id: string, key = ada) =>
  (await json(call('GET', `/v1/jobs/${id}`, undefined, {}, key)))['status'];

describe('dead letters', () => {
  test('are forgotten by their owner, by how and when they ended, and nothing else is', async () => {
    const [failed, kept, other] = [
      await describeLater('bad'),
      await describeLater('good'),
      await describeLater('bad', bob),
    ];
    await expect.poll(() => stateOf(failed)).toBe('failed');
    await expect.poll(() => stateOf(kept)).toBe('completed');
    await expect.poll(() => stateOf(other, bob)).toBe('failed');
    const purge = (query: string) => json(call('DELETE', `/v1/jobs${query}`));
    expect(await purge('?status=cancelled')).toEqual({ object: 'jobs.purged', deleted: 0 });
    expect(await purge('?status=failed&before=1000')).toEqual({ object: 'jobs.purged', deleted: 0 });
    for (const query of ['?status=completed', '']) expect((await call('DELETE', `/v1/jobs${query}`)).status).toBe(400);
    expect(await purge('?status=failed')).toEqual({ object: 'jobs.purged', deleted: 1 });
    expect((await call('GET', `/v1/jobs/${failed}`)).status).toBe(404);
    expect((await call('POST', `/v1/jobs/${failed}/retry`)).status).toBe(404);
    expect([await stateOf(kept), await stateOf(other, bob)]).toEqual(['completed', 'failed']);
  });
});

test('what is run again counts as what is asked for does', async () => {
  const failed = await describeLater('bad');
  await expect.poll(() => stateOf(failed)).toBe('failed');
  const running = [await describeLater('slow one'), await describeLater('slow two')];
  expect((await call('POST', `/v1/jobs/${failed}/retry`)).status).toBe(429);
  for (const id of running) await call('DELETE', `/v1/jobs/${id}`);
  expect((await call('POST', `/v1/jobs/${failed}/retry`)).status).toBe(202);
});

describe('several pictures in one request', () => {
  const describeAll = (names: string[], headers: Record<string, string>) =>
    call('POST', '/v1/images/descriptions', form({}, names.map((name) => ['file', name, PNG])), headers, bob); // prettier-ignore

  test('have an answer each, also under one Idempotency-Key', async () => {
    const headers = { 'idempotency-key': 'album' };
    const first = (await json(describeAll(['one', 'two'], headers)))['data'];
    expect(first).toMatchObject([{ description: expect.any(String) as unknown }, { description: expect.any(String) as unknown }]); // prettier-ignore
    const { data: again } = await json<{ data: object[] }>(describeAll(['one', 'two'], headers));
    expect(again.every((each) => 'description' in each)).toBe(true);
    const other = (await json(describeAll(['one', 'three'], headers)))['data'];
    expect(other).toMatchObject([{ input: 'one' }, { input: 'three', error: { code: 'conflict', param: 'Idempotency-Key' } }]); // prettier-ignore
  });

  test('are refused together for what is wrong with the request itself', async () => {
    for (const headers of [{ 'webhook-url': 'https://example.com/' }, { 'idempotency-key': 'k'.repeat(256) }]) {
      const response = await describeAll(['one', 'two'], headers as unknown as Record<string, string>);
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ error: { code: 'invalid_request' } });
    }
  });
});

describe('batches', () => {
  test('their lines count among the unfinished jobs of a key, and wait for room', async () => {
    const line = (i: number) => JSON.stringify({ custom_id: `${i}`, method: 'POST', url: '/v1/questions', body: { question: 'slow?', media: [medium] } }); // prettier-ignore
    const medium = String((await json(call('POST', '/v1/media', form({}, [['file', 'slow.png', PNG]]))))['id']);
    const lines = Array.from({ length: 6 }, (_, i) => line(i)).join('\n');
    const file = await json(call('POST', '/v1/files', form({ purpose: 'batch' }, [['file', 'b.jsonl', lines]])));
    const input = { input_file_id: file['id'], endpoint: '/v1/questions', completion_window: '24h' };
    const batch = String((await json(call('POST', '/v1/batches', input)))['id']);
    const mine = () => api.jobs.count(['queued', 'running'], tenant);
    const { tenant } = (await api.records.findKey(ada)) ?? { tenant: '' };
    await expect.poll(mine).toBe(2);
    await sleep(700);
    expect(await mine()).toBe(2);
    const refused = await call('POST', '/v1/questions', { question: 'Now?', media: [medium] });
    expect([refused.status, refused.headers.has('retry-after')]).toEqual([429, true]);
    expect(await stateOf(await describeLater('good', bob), bob)).toBeDefined();
    await call('POST', `/v1/batches/${batch}/cancel`);
    await expect.poll(async () => (await json(call('GET', `/v1/batches/${batch}`)))['status'], { timeout: 5000 }).toBe('cancelled'); // prettier-ignore
    expect(await mine()).toBe(0);
  });
});

describe('what is kept for a time', () => {
  test('goes when the time is over: results, their requests, and bytes that nobody else has', async () => {
    const brought = async (key: string) => String((await json(call('POST', '/v1/media', form({}, [['file', 'kept.gif', 'GIF89a kept']]), {}, key)))['id']); // prettier-ignore
    const kept = await brought(bob);
    const passing = form({}, [['file', 'passing.gif', 'GIF89a passing']]);
    const answered = await call('POST', '/v1/images/descriptions', passing);
    const { rows } = await api.database.pool.query<{ id: string }>(
      `select id from tessera.media where name = 'passing.gif'`,
    );
    const id = rows[0]?.id ?? '';
    expect([answered.status, await api.blobs.has(id), await api.blobs.has(kept)]).toEqual([200, true, true]);
    const job = await describeLater('good');
    await expect.poll(() => stateOf(job)).toBe('completed');
    await sleep(2100);
    await api.database.pool.query('update tessera.media set expires_at = now() where id = $1', [id]);
    // What a worker put before it died, two hours ago and just now.
    const { announce } = api.records.unnamed;
    const [old, fresh] = [await api.blobs.put(Buffer.from('old'), { announce }), await api.blobs.put(Buffer.from('fresh'), { announce })]; // prettier-ignore
    const age = (blob: string) =>
      api.database.pool.query(
        `update tessera.unnamed_blob set announced_at = now() - interval '2 hours' where id = $1`,
        [blob],
      );
    await age(old.id);
    // One cannot be deleted at first: it is not forgotten, though facts about it are kept, and the others are.
    await api.records.putArtifact(`medium:${id}`, { id });
    const remove = api.blobs.delete.bind(api.blobs);
    const unreachable = vi
      .spyOn(api.blobs, 'delete')
      .mockImplementation((blob) => (blob === id ? Promise.reject(new Error('no answer')) : remove(blob)));
    await api.app.get(Housekeeping).run();
    const { tenant } = (await api.records.findKey(ada)) ?? { tenant: '' };
    expect([await api.blobs.has(id), await api.records.getMedia(tenant, id)]).toEqual([true, undefined]);
    expect([await api.blobs.has(old.id), await api.blobs.has(fresh.id)]).toEqual([false, true]);
    unreachable.mockRestore();
    await age(id);
    await api.app.get(Housekeeping).run();
    expect([await api.blobs.has(id), await api.blobs.has(kept)]).toEqual([false, true]);
    // A process that starts to work sweeps at once.
    const next = await Jobs.open({ config: api.config, connection: api.database.connection });
    next.host({ 'media.ingest': () => Promise.reject(new Error('not here')) } as never, { queues: [] });
    await expect.poll(async () => (await call('GET', `/v1/jobs/${job}`)).status).toBe(404);
    await next.close();
  });
});
