import { readdirSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { form, PNG, readEvents, startApi, type TestApi } from '../support/api.js';
import { errorOf, json, request } from '../support/http.js';

let api: TestApi;
beforeAll(async () => {
  api = await startApi({ TESSERA_MAX_FILE: '1MiB', TESSERA_MAX_BODY: '1MiB' });
});
afterAll(() => api.close());
beforeEach(() => {
  api.seen.started.length = 0;
  api.seen.aborted.length = 0;
});

const get = (path: string, headers: Record<string, string> = {}) => fetch(api.url + path, { headers });
const post = (path: string, body: object, headers: Record<string, string> = {}) =>
  fetch(api.url + path, request('POST', body, headers));

describe('jobs', () => {
  const later = { prefer: 'respond-async' };
  const slow = () => post('/v1/questions', form({ question: 'Why?' }, [['files', 'slow.png', PNG]]), later);

  test('Prefer: respond-async gives the job; its result has the form of the answer', async () => {
    const accepted = await post('/v1/images/descriptions', form({}, [['file', 'later.png', PNG]]), later);
    expect(accepted.status).toBe(202);
    const { id } = await json(accepted);
    expect(accepted.headers.get('location')).toBe(`/v1/jobs/${id}`);
    await expect.poll(async () => (await json(get(`/v1/jobs/${id}`))).status).toBe('completed');
    expect(await json(get(`/v1/jobs/${id}`))).toMatchObject({
      object: 'job',
      kind: 'description',
      stage: 'ingest',
      percent: 50,
      result: { input: 'later.png', description: 'describe ← later.png' },
      error: null,
    });
    expect((await json(get('/v1/jobs?limit=1'))).data).toMatchObject([{ id }]);
  });

  test('events can be followed and resumed', async () => {
    const { id } = await json(post('/v1/questions', { question: 'a b c', urls: ['https://example.com/a.png'] }, later));
    const all = await readEvents(await get(`/v1/jobs/${id}/events`));
    expect(all.map(({ event }) => event)).toEqual([
      'state',
      'state',
      'progress',
      ...Array<string>(5).fill('token'),
      'state',
    ]);
    const rest = await readEvents(await get(`/v1/jobs/${id}/events`, { 'last-event-id': all[5]?.id ?? '' }));
    expect(rest).toEqual(all.slice(6));
    expect(await readEvents(await get(`/v1/jobs/${id}/events`, { 'last-event-id': all.at(-1)?.id ?? '' }))).toEqual([]);
  });

  test('a running job is cancelled, and can be run again', async () => {
    const { id } = await json(slow());
    await expect.poll(() => api.seen.started).toContain('slow.png');
    const cancelled = await fetch(`${api.url}/v1/jobs/${id}`, { method: 'DELETE' });
    expect(await json(cancelled)).toMatchObject({ status: 'cancelled', error: { code: 'cancelled' } });
    await expect.poll(() => api.seen.aborted).toEqual(['slow.png']);
    const again = await json(fetch(`${api.url}/v1/jobs/${id}/retry`, { method: 'POST' }));
    expect(again['id']).not.toBe(id);
    await expect.poll(() => api.seen.started).toEqual(['slow.png', 'slow.png']);
    await fetch(`${api.url}/v1/jobs/${again['id']}`, { method: 'DELETE' });
    expect((await json(get('/v1/jobs?status=cancelled'))).data).toHaveLength(2);
  });

  test('a client that goes away takes its job with it', async () => {
    const abort = new AbortController();
    const body = form({ question: 'Why?' }, [['files', 'slow2.png', PNG]]);
    const gone = fetch(`${api.url}/v1/questions`, { method: 'POST', body, signal: abort.signal }).catch(() => 'gone');
    await expect.poll(() => api.seen.started).toContain('slow2.png');
    abort.abort();
    expect(await gone).toBe('gone');
    await expect.poll(() => api.seen.aborted, { timeout: 1000 }).toEqual(['slow2.png']);
  });

  test('one that has an Idempotency-Key does not: whoever lost the connection gets the answer by it', async () => {
    const ask = (signal?: AbortSignal) => {
      const body = form({ question: 'Slowly?' }, [['files', 'slow3.png', PNG]]);
      const headers = { 'idempotency-key': 'lost' };
      return fetch(`${api.url}/v1/questions`, { method: 'POST', body, headers, ...(signal ? { signal } : {}) });
    };
    const abort = new AbortController();
    const gone = ask(abort.signal).catch(() => 'gone');
    await expect.poll(() => api.seen.started).toContain('slow3.png');
    abort.abort();
    expect(await gone).toBe('gone');
    const again = ask();
    const [{ id }] = (await json<{ data: [{ id: string }] }>(get('/v1/jobs?limit=1&status=running'))).data;
    await sleep(200);
    expect(api.seen.aborted).toEqual([]);
    await fetch(`${api.url}/v1/jobs/${id}`, { method: 'DELETE' });
    expect(await errorOf(await again)).toMatchObject({ code: 'cancelled' });
    expect(api.seen.started).toEqual(['slow3.png']);
  });

  test('a key whose job is long gone begins anew', async () => {
    const headers = { ...later, 'idempotency-key': 'old' };
    const ask = async () => (await json(post('/v1/questions', { question: 'one', urls: ['https://example.com/i.png'] }, headers))).id; // prettier-ignore
    const first = await ask();
    await expect.poll(async () => (await json(get(`/v1/jobs/${first}`))).status).toBe('completed');
    await api.jobs.remove(String(first));
    await api.database.pool.query(`update tessera.request set created_at = now() - interval '2 minutes' where id = $1`, [first]); // prettier-ignore
    const second = await ask();
    expect(second).not.toBe(first);
    expect(await ask()).toBe(second);
  });

  test('are forgotten all, also more than are read at once; a list does not begin behind one of them', async () => {
    const failed: unknown[] = [];
    const fail = () => post('/v1/images/descriptions', form({}, [['file', 'bad.png', PNG]]), later);
    // In two rounds: a tenant may have 100 that are not finished.
    for (let round = 0; round < 2; round++) {
      const accepted = await Promise.all(Array.from({ length: 65 }, fail));
      expect(accepted.every(({ status }) => status === 202)).toBe(true);
      for (const response of accepted) failed.push((await json(response)).id);
      await expect.poll(() => api.jobs.count(['queued', 'running']), { timeout: 20_000 }).toBe(0);
    }
    expect((await json(get('/v1/jobs?status=failed&limit=100'))).has_more).toBe(true);
    const { deleted } = await json(fetch(`${api.url}/v1/jobs?status=failed`, { method: 'DELETE' }));
    expect(deleted).toBeGreaterThanOrEqual(failed.length);
    expect((await json(get('/v1/jobs?status=failed'))).data).toEqual([]);
    for (const list of ['/v1/jobs', '/v1/files', '/v1/batches'])
      expect(await errorOf(await get(`${list}?after=${failed[0]}`))).toMatchObject({ status: 400, param: 'after' });
  });

  test('the same Idempotency-Key gives the same job, however many come at once; other work with it is a conflict', async () => {
    const headers = { ...later, 'idempotency-key': 'order-66' };
    const ask = (question: string) => post('/v1/questions', { question, urls: ['https://example.com/i.png'] }, headers);
    const ids = await Promise.all(Array.from({ length: 8 }, async () => (await json(ask('one'))).id));
    expect(new Set(ids).size).toBe(1);
    expect(await errorOf(await ask('two'))).toMatchObject({ status: 409, code: 'conflict', param: 'Idempotency-Key' });
    expect(api.seen.started).toEqual(['https://example.com/i.png']);
  });

  test('a conversation with several answers can have an Idempotency-Key, too', async () => {
    const ask = () => post('/v1/chat/completions', { n: 2, messages: [{ role: 'user', content: 'Hi' }] }, { 'idempotency-key': 'two' }); // prettier-ignore
    const first = await json<{ id: string; choices: object[] }>(ask());
    expect(first.choices).toHaveLength(2);
    expect(await json(ask())).toMatchObject({ id: first.id, choices: first.choices });
  });

  test('what is not there is not found', async () => {
    for (const path of ['/v1/jobs/nope', '/v1/jobs/nope/events'])
      expect(await errorOf(await get(path))).toMatchObject({
        status: 404,
        code: 'job_not_found',
        type: 'not_found_error',
      });
  });
});

describe('media', () => {
  test('are brought, listed, downloaded and deleted', async () => {
    const created = await post('/v1/media', form({}, [['file', 'ünï.png', PNG]]));
    expect(created.status).toBe(201);
    const medium = await json(created);
    expect(medium).toMatchObject({
      object: 'medium',
      name: 'ünï.png',
      kind: 'image',
      mime_type: 'image/png',
      bytes: PNG.length,
    });
    expect((await json(get('/v1/media?limit=100'))).data).toContainEqual(medium);
    expect(await json(get(`/v1/media/${medium['id']}`))).toEqual(medium);
    const content = await get(`/v1/media/${medium['id']}/content`);
    expect(content.headers.get('content-disposition')).toContain('attachment');
    expect(Buffer.from(await content.arrayBuffer())).toEqual(PNG);
    expect((await fetch(`${api.url}/v1/media/${medium['id']}`, { method: 'DELETE' })).status).toBe(204);
    expect(await errorOf(await get(`/v1/media/${medium['id']}`))).toMatchObject({
      status: 404,
      code: 'media_not_found',
    });
  });

  test('one at a time: of two, neither is kept', async () => {
    const two = form({}, [['file', 'one.gif', 'GIF89a one'], ['file', 'two.gif', 'GIF89a two']]); // prettier-ignore
    expect(await errorOf(await post('/v1/media', two))).toMatchObject({ status: 400, param: 'file' });
    const { rows } = await api.database.pool.query(`select from tessera.media where name = 'one.gif' and expires_at is null`); // prettier-ignore
    expect(rows).toEqual([]);
  });

  test('text fields of a form are together no longer than a body may be', async () => {
    const long = form(Object.fromEntries(Array.from({ length: 5 }, (_, i) => [`f${i}`, 'x'.repeat(300_000)])), []);
    expect(await errorOf(await post('/v1/media', long))).toMatchObject({ status: 413, code: 'file_too_large' });
    const cut = form({ question: 'x'.repeat(2 * 2 ** 20) }, []);
    expect(await errorOf(await post('/v1/questions', cut))).toMatchObject({ status: 413, code: 'file_too_large' });
  });

  test('an upload over the limit is stopped while it comes, and leaves nothing', async () => {
    const large = form({}, [['file', 'large.bin', Buffer.alloc(2 * 2 ** 20)]]);
    expect(await errorOf(await post('/v1/media', large))).toMatchObject({ status: 413, code: 'file_too_large' });
    expect(readdirSync(join(api.folder, 'blobs', 'incoming'))).toEqual([]);
  });

  test('an upload that breaks off leaves nothing', async () => {
    const boundary = 'xxx';
    const outgoing = httpRequest(`${api.url}/v1/media`, {
      method: 'POST',
      headers: { 'content-type': `multipart/form-data; boundary=${boundary}`, 'content-length': 500_000 },
    });
    outgoing.on('error', () => undefined);
    outgoing.write(
      `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="a.bin"\r\n\r\n${'x'.repeat(100_000)}`,
    );
    const incoming = join(api.folder, 'blobs', 'incoming');
    await expect.poll(() => readdirSync(incoming).length).toBe(1);
    outgoing.destroy();
    await expect.poll(() => readdirSync(incoming)).toEqual([]);
  });
});
