import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startApi, type TestApi } from '../support/api.js';
import { photoTree } from '../support/handlers.js';
import { hasRedis, startRedis, type OuterServer } from '../support/servers.js';

interface ShownJob {
  id: string;
  name: string;
  failedReason?: string;
  data: { tenant?: string };
  returnValue: unknown;
}
interface ShownQueue {
  name: string;
  counts: Record<string, number>;
  jobs: ShownJob[];
  readOnlyMode: boolean;
  isPaused: boolean;
}

const BACKENDS = [
  { name: 'PostgreSQL', start: (): Promise<OuterServer | undefined> => Promise.resolve(undefined) },
  ...(hasRedis() ? [{ name: 'Redis', start: startRedis }] : []),
];

describe.each(BACKENDS)('the board on $name', ({ start }) => {
  let api: TestApi;
  let server: OuterServer | undefined;
  let admin: string;
  let user: string;
  beforeAll(async () => {
    server = await start();
    api = await startApi({ TESSERA_AUTH: 'true', ...(server ? { TESSERA_QUEUE_URL: server.url } : {}) });
    admin = (await api.records.createKey({ name: 'root', scopes: ['admin'] })).secret;
    user = (await api.records.createKey({ name: 'user', tenant: 'ada' })).secret;
  });
  afterAll(async () => {
    await api.close();
    await server?.stop();
  });

  const basic = (key: string) => ({ authorization: `Basic ${Buffer.from(`admin:${key}`).toString('base64')}` });
  const call = (path: string, init: RequestInit = {}, headers: Record<string, string> = basic(admin)) =>
    fetch(`${api.url}/admin/queues${path}`, { ...init, headers: { ...headers, ...(init.headers as object) } });
  const shown = async (status: string): Promise<ShownQueue> => {
    const response = await call(`/api/queues?activeQueue=requests&status=${status}&page=1&jobsPerPage=10`);
    const { queues } = (await response.json()) as { queues: ShownQueue[] };
    return queues.find(({ name }) => name === 'requests') as ShownQueue;
  };
  /** A request of ada's for a picture of this name, which says what becomes of it. */
  const ask = async (name: string): Promise<string> => {
    const id = await api.jobs.submit(photoTree(name), { owner: 'ada' });
    await api.records.reserveRequest({ id, tenant: 'ada', kind: 'question', options: {}, fingerprint: id });
    return id;
  };
  const stateOf = async (id: string) => (await api.jobs.status(id).catch(() => undefined))?.state;

  test('asks for a key of the scope admin, as a password too, page and files and all', async () => {
    for (const path of ['', '/', '/static/favicon.ico', '/api/queues', '/queue/requests']) {
      const without = await call(path, {}, {});
      expect([path, without.status]).toEqual([path, 401]);
      expect(without.headers.get('www-authenticate')).toMatch(/^Basic realm=/);
      expect([path, (await call(path, {}, basic('tsk_guess'))).status]).toEqual([path, 401]);
      expect([path, (await call(path, {}, basic(user))).status]).toEqual([path, 403]);
      expect([path, (await call(path)).status]).toEqual([path, 200]);
    }
    expect((await call('/api/queues', {}, { authorization: `Bearer ${admin}` })).status).toBe(200);
    expect((await call('/api/queues', {}, { 'x-api-key': admin })).status).toBe(200);
    const foreign = { ...basic(admin), 'sec-fetch-site': 'cross-site' };
    expect((await call('/api/queues/requests/pause', { method: 'PUT' }, foreign)).status).toBe(403);
    const page = await call('/');
    expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'self';.*base-uri 'self'/);
    expect(await page.text()).toContain('<base href="/admin/queues/"');
  });

  test('shows requests of all keys by their state, and the queues below to be looked at', async () => {
    const good = await ask('good');
    await api.jobs.result(good);
    const bad = await ask('bad');
    await api.jobs.result(bad).catch(() => undefined);
    const slow = await ask('slow');
    await expect.poll(() => stateOf(slow)).toBe('running');
    const { counts, jobs } = await shown('failed');
    expect(counts).toMatchObject({ active: 1, waiting: 0, completed: 1, failed: 1 });
    expect(jobs).toMatchObject([
      { id: bad, name: 'question', failedReason: 'corrupt_media: bad is cut off.', data: { tenant: 'ada' } },
    ]);
    const { job, status } = (await (await call(`/api/queues/requests/${good}`)).json()) as {
      job: ShownJob;
      status: string;
    };
    expect([status, job.returnValue]).toMatchObject(['completed', { text: 'What? ← good' }]);
    const all = async () => ((await (await call('/api/queues')).json()) as { queues: ShownQueue[] }).queues;
    const queues = await all();
    expect(queues.map(({ name, readOnlyMode }) => [name, readOnlyMode])).toEqual([
      ['requests', false],
      ['tessera-media', true],
      ['tessera-answer', true],
    ]);
    // A job that failed leaves BullMQ a moment after its tree has ended.
    await expect.poll(async () => (await all())[1]?.counts['active']).toBe(1);
    expect((await call('/api/queues/tessera-media/pause', { method: 'PUT' })).status).toBe(405);
    await call(`/api/queues/requests/${slow}/clean`, { method: 'PUT' });
    await expect.poll(() => stateOf(slow)).toBe('cancelled');
    expect(api.seen.aborted).toContain('slow');
  });

  test('a dead letter is run again as its tenant’s, one by one and all together, and purged', async () => {
    const { jobs } = await shown('failed');
    const [letter] = jobs;
    expect((await call(`/api/queues/requests/${letter?.id}/retry`, { method: 'PUT' })).status).toBe(204);
    expect(await stateOf(letter?.id as string)).toBeUndefined();
    const [again] = await api.records.listRequests('ada', { limit: 1 });
    expect(again?.kind).toBe('question');
    await api.jobs.result(again?.id as string).catch(() => undefined);
    const other = await ask('bad other');
    await api.jobs.result(other).catch(() => undefined);
    const all = await call('/api/queues/requests/retry/failed', { method: 'PUT' });
    expect(await all.json()).toEqual({ retried: 2, skipped: 0 });
    await expect.poll(async () => (await shown('failed')).counts).toMatchObject({ failed: 2, waiting: 0, active: 0 });
    expect((await call('/api/queues/requests/clean/failed', { method: 'PUT' })).status).toBe(200);
    expect((await shown('failed')).counts).toMatchObject({ failed: 0, completed: 1 });
    const left = await api.records.listRequests('ada', { limit: 10 });
    expect(await Promise.all(left.map(({ id }) => stateOf(id)))).toEqual(expect.not.arrayContaining(['failed']));
  });

  test('a pause holds back what comes, until it ends', async () => {
    await call('/api/queues/requests/pause', { method: 'PUT' });
    expect((await shown('latest')).isPaused).toBe(true);
    const id = await ask('later');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await stateOf(id)).toBe('queued');
    await call('/api/queues/requests/resume', { method: 'PUT' });
    expect(await api.jobs.result(id)).toMatchObject({ text: 'What? ← later' });
  });

  test('nothing is added or obliterated', async () => {
    const body = { method: 'POST', body: '{"name":"x","data":{}}', headers: { 'content-type': 'application/json' } };
    expect((await call('/api/queues/requests/add', body)).status).toBe(400);
    expect((await call('/api/queues/requests/obliterate', { method: 'PUT' })).status).toBe(400);
  });
});
