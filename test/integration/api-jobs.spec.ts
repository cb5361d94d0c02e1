import { readdirSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
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

  test('the same Idempotency-Key gives the same job, however many come at once; other work with it is a conflict', async () => {
    const headers = { ...later, 'idempotency-key': 'order-66' };
    const ask = (question: string) => post('/v1/questions', { question, urls: ['https://example.com/i.png'] }, headers);
    const ids = await Promise.all(Array.from({ length: 8 }, async () => (await json(ask('one'))).id));
    expect(new Set(ids).size).toBe(1);
    expect(await errorOf(await ask('two'))).toMatchObject({ status: 409, code: 'conflict', param: 'Idempotency-Key' });
    expect(api.seen.started).toEqual(['https://example.com/i.png']);
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
