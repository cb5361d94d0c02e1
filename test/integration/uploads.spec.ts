import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { Upload, type DetailedError } from 'tus-js-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Housekeeping } from '../../apps/api/housekeeping.js';
import { PNG, startApi, type TestApi } from '../support/api.js';

let api: TestApi;
let ada: string;
let bob: string;
let reader: string;

beforeAll(async () => {
  api = await startApi({
    TESSERA_AUTH: 'true',
    TESSERA_MAX_FILE: '8MiB',
    TESSERA_CORS_ORIGINS: 'https://page.example',
  });
  ada = (await api.records.createKey({ name: 'ada' })).secret;
  bob = (await api.records.createKey({ name: 'bob' })).secret;
  reader = (await api.records.createKey({ name: 'reader', scopes: ['read'] })).secret;
});
afterAll(() => api.close());

const endpoint = () => `${api.url}/v1/media/uploads`;
const waiting = () => readdirSync(join(api.folder, 'uploads')).filter((name) => !name.endsWith('.json'));
const statusOf = (error: unknown) => (error as DetailedError).originalResponse?.getStatus();

interface Sent {
  url: string;
  medium: { id: string; name: string; kind: string; bytes: number };
}

/** Sends bytes with tus-js-client as it is; `options` are its own. */
function upload(bytes: Buffer, options: ConstructorParameters<typeof Upload>[1] = {}, key = ada): Promise<Sent> {
  return new Promise((resolve, reject) => {
    const sending = new Upload(bytes, {
      endpoint: endpoint(),
      retryDelays: null,
      metadata: { filename: 'täglich.png' },
      headers: { authorization: `Bearer ${key}` },
      onError: reject,
      onSuccess: ({ lastResponse }) =>
        resolve({ url: sending.url ?? '', medium: JSON.parse(lastResponse.getBody()) as Sent['medium'] }),
      ...options,
    });
    sending.start();
  });
}

/** The same, cut off by the client after `bytes` of them; resolves to where it can be gone on with. */
function interrupted(bytes: Buffer, after: number, key = ada): Promise<string> {
  return new Promise((resolve, reject) => {
    const sending = new Upload(bytes, {
      endpoint: endpoint(),
      retryDelays: null,
      chunkSize: 64 << 10,
      headers: { authorization: `Bearer ${key}` },
      metadata: { filename: 'long.bin' },
      onError: reject,
      onChunkComplete: (_size, accepted) => {
        if (accepted >= after) void sending.abort().then(() => resolve(sending.url ?? ''));
      },
    });
    sending.start();
  });
}

describe('a resumable upload', () => {
  test('makes a medium as POST /v1/media does: hashed, sniffed, of its key', async () => {
    const { medium } = await upload(PNG);
    expect(medium).toMatchObject({ id: createHash('sha256').update(PNG).digest('hex'), name: 'täglich.png', kind: 'image', bytes: PNG.length }); // prettier-ignore
    const get = (key: string) =>
      fetch(`${api.url}/v1/media/${medium.id}`, { headers: { authorization: `Bearer ${key}` } });
    expect(await (await get(ada)).json()).toEqual(medium);
    expect((await get(bob)).status).toBe(404);
    expect(waiting()).toEqual([]);
  });

  test('goes on where it was interrupted', async () => {
    const bytes = randomBytes(1 << 20);
    const uploadUrl = await interrupted(bytes, 300 << 10);
    const head = await fetch(uploadUrl, { method: 'HEAD', headers: { authorization: `Bearer ${ada}`, 'tus-resumable': '1.0.0' } }); // prettier-ignore
    const place = Number(head.headers.get('upload-offset'));
    expect(place).toBeGreaterThanOrEqual(300 << 10);
    expect(place).toBeLessThan(bytes.length);
    let first = 0;
    const { medium } = await upload(bytes, { uploadUrl, onProgress: (sent) => (first ||= sent) });
    expect(first).toBeGreaterThanOrEqual(place);
    expect(medium).toMatchObject({ id: createHash('sha256').update(bytes).digest('hex'), bytes: bytes.length });
  });

  test('survives a connection that breaks in the middle of a part', async () => {
    const bytes = randomBytes(1 << 20);
    const begun = await fetch(endpoint(), { method: 'POST', headers: { authorization: `Bearer ${ada}`, 'tus-resumable': '1.0.0', 'upload-length': String(bytes.length) } }); // prettier-ignore
    const uploadUrl = new URL(begun.headers.get('location') ?? '', api.url).href;
    const cut = new AbortController();
    const parts = Readable.toWeb(Readable.from((async function* () {
      yield bytes.subarray(0, 200 << 10);
      setTimeout(() => cut.abort(), 200);
      await new Promise(() => undefined);
    })())) as ReadableStream; // prettier-ignore
    const broken = fetch(uploadUrl, { method: 'PATCH', body: parts, duplex: 'half', signal: cut.signal, headers: { authorization: `Bearer ${ada}`, 'tus-resumable': '1.0.0', 'upload-offset': '0', 'content-type': 'application/offset+octet-stream' } } as RequestInit); // prettier-ignore
    await expect(broken).rejects.toThrow();
    const { medium } = await upload(bytes, { uploadUrl, retryDelays: [100, 500, 1000] });
    expect(medium.id).toBe(createHash('sha256').update(bytes).digest('hex'));
  });

  test('does not exist for another key, and needs one that may write', async () => {
    const uploadUrl = await interrupted(randomBytes(256 << 10), 64 << 10);
    const as = (key: string | undefined, method: string) =>
      fetch(uploadUrl, { method, headers: { ...(key ? { authorization: `Bearer ${key}` } : {}), 'tus-resumable': '1.0.0', ...(method === 'PATCH' ? { 'upload-offset': '65536', 'content-type': 'application/offset+octet-stream' } : {}) }, ...(method === 'PATCH' ? { body: 'x' } : {}) }); // prettier-ignore
    for (const method of ['HEAD', 'PATCH', 'DELETE']) {
      expect([method, (await as(bob, method)).status]).toEqual([method, 404]);
      expect([method, (await as(undefined, method)).status]).toEqual([method, 401]);
    }
    await expect(upload(PNG, {}, reader)).rejects.toSatisfy((error) => statusOf(error) === 403);
    expect((await as(ada, 'DELETE')).status).toBe(204);
    expect((await as(ada, 'HEAD')).status).toBe(404);
  });

  test('is no other file of its folder', async () => {
    const url = await interrupted(randomBytes(256 << 10), 64 << 10);
    const headers = { authorization: `Bearer ${ada}`, 'tus-resumable': '1.0.0' };
    const before = readdirSync(join(api.folder, 'uploads'));
    expect((await fetch(`${url}.json`, { method: 'DELETE', headers })).status).toBe(404);
    expect(readdirSync(join(api.folder, 'uploads'))).toEqual(before);
    expect((await fetch(url, { method: 'DELETE', headers })).status).toBe(204);
  });

  test('has the limits of every file, in our own words', async () => {
    const failing = async (bytes: Buffer, options = {}) => {
      const error = await upload(bytes, options).then(() => undefined, (thrown: DetailedError) => thrown); // prettier-ignore
      const body = error?.originalResponse?.getBody() ?? '{}';
      return { status: statusOf(error), ...(JSON.parse(body) as { error: { code: string } }).error };
    };
    expect(await failing(Buffer.alloc(9 << 20))).toMatchObject({ status: 413, code: 'file_too_large' });
    expect(await failing(Buffer.alloc(0))).toMatchObject({ status: 422, code: 'empty_file' });
    expect(waiting()).toEqual([]);
    for (const id of ['..%2f..%2fblobs', 'x'.repeat(50), '%00']) {
      const response = await fetch(`${endpoint()}/${id}`, { method: 'HEAD', headers: { authorization: `Bearer ${ada}`, 'tus-resumable': '1.0.0' } }); // prettier-ignore
      expect([400, 404]).toContain(response.status);
    }
  });

  test('is known to pages of allowed origins only', async () => {
    const preflight = (origin: string) => fetch(endpoint(), { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'PATCH', 'access-control-request-headers': 'tus-resumable' } }); // prettier-ignore
    const allowed = await preflight('https://page.example');
    expect(allowed.headers.get('access-control-allow-origin')).toBe('https://page.example');
    expect(allowed.headers.get('access-control-allow-methods')).toContain('PATCH');
    expect((await preflight('https://evil.example')).headers.get('access-control-allow-origin')).toBeNull();
  });

  test('goes when it has been abandoned for a day', async () => {
    await interrupted(randomBytes(256 << 10), 64 << 10);
    const [id = ''] = waiting();
    await api.app.get(Housekeeping).run();
    expect(waiting()).toEqual([id]);
    const facts = join(api.folder, 'uploads', `${id}.json`);
    const known = JSON.parse(readFileSync(facts, 'utf8')) as object;
    writeFileSync(
      facts,
      JSON.stringify({ ...known, creation_date: new Date(Date.now() - 25 * 3600_000).toISOString() }),
    );
    await api.app.get(Housekeeping).run();
    expect(existsSync(join(api.folder, 'uploads', id))).toBe(false);
  });
});
