import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { form, startApi, type TestApi } from '../support/api.js';
import { errorOf } from '../support/http.js';

let api: TestApi;
let ada: string;
let bob: string;
beforeAll(async () => {
  api = await startApi({ TESSERA_AUTH: 'true', TESSERA_MAX_STORED: '10000', TESSERA_MAX_FILE: '8000' });
  ada = (await api.records.createKey({ name: 'ada' })).secret;
  bob = (await api.records.createKey({ name: 'bob' })).secret;
});
afterAll(() => api.close());

/** `bytes` of text that nobody else brings. */
let count = 0;
const text = (bytes: number): string => `${++count} `.padEnd(bytes, 'x');
const send = (key: string, path: string, body: FormData) =>
  fetch(api.url + path, { method: 'POST', body, headers: { authorization: `Bearer ${key}` } });
const bring = (key: string, bytes: number) => send(key, '/v1/media', form({}, [['file', 'a.txt', text(bytes)]]));
const refusal = async (response: Response): Promise<unknown[]> => {
  const { status, code, message } = await errorOf(response);
  return [status, code, message];
};
const blobs = (): number =>
  readdirSync(join(api.folder, 'blobs'), { recursive: true, withFileTypes: true }).filter((each) => each.isFile())
    .length;

const FULL = [413, 'file_too_large', expect.stringMatching(/^Your media and files take .* Delete what is not needed/)];

test('media and files of a tenant have one bound, whatever way they come; another’s are counted apart', async () => {
  const kept = await bring(ada, 6000);
  expect(kept.status).toBe(201);
  const file = form({ purpose: 'user_data' }, [['file', 'b.txt', text(3000)]]);
  expect((await send(ada, '/v1/files', file)).status).toBe(200);
  const before = blobs();
  expect(await refusal(await bring(ada, 2000))).toEqual(FULL);
  const more = form({ purpose: 'user_data' }, [['file', 'c.txt', text(2000)]]);
  expect(await refusal(await send(ada, '/v1/files', more))).toEqual(FULL);
  const question = form({ question: 'What?' }, [['files', 'd.txt', text(2000)]]);
  expect(await refusal(await send(ada, '/v1/questions', question))).toEqual(FULL);
  const upload = await fetch(`${api.url}/v1/media/uploads`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${ada}`,
      'tus-resumable': '1.0.0',
      'upload-length': '2000',
      'content-type': 'application/offset+octet-stream',
    },
    body: text(2000),
  });
  expect(await refusal(upload)).toEqual(FULL);
  // Nor do uploads that are announced together, before any byte of them has come.
  const announce = () =>
    fetch(`${api.url}/v1/media/uploads`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ada}`, 'tus-resumable': '1.0.0', 'upload-length': '600' },
    });
  const announced = await announce();
  expect(announced.status).toBe(201);
  expect(await refusal(await announce())).toEqual(FULL);
  const address = new URL(announced.headers.get('location') ?? '', `${api.url}/v1/media/uploads`);
  await fetch(address, { method: 'DELETE', headers: { authorization: `Bearer ${ada}`, 'tus-resumable': '1.0.0' } });
  expect(blobs()).toBe(before);

  expect((await bring(ada, 900)).status).toBe(201);
  expect((await bring(bob, 7000)).status).toBe(201);
  // A file that is too large for everybody is told by that bound.
  expect(await refusal(await bring(bob, 9000))).toEqual(FULL);
  const { id } = (await kept.json()) as { id: string };
  await fetch(`${api.url}/v1/media/${id}`, { method: 'DELETE', headers: { authorization: `Bearer ${ada}` } });
  expect((await bring(ada, 5000)).status).toBe(201);
});
