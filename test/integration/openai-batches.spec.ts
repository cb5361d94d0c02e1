import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import OpenAI, { BadRequestError, NotFoundError, toFile } from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PNG, startApi, type TestApi } from '../support/api.js';

/** The official client, unmodified. */
let api: TestApi;
let client: OpenAI;
let other: OpenAI;
beforeAll(async () => {
  api = await startApi({ TESSERA_AUTH: 'true' });
  const as = async (name: string) => {
    const { secret } = await api.records.createKey({ name });
    return new OpenAI({ baseURL: `${api.url}/v1`, apiKey: secret, maxRetries: 0 });
  };
  [client, other] = [await as('ada'), await as('bob')];
});
afterAll(() => api.close());

const model = 'tessera-nano';
const blobOf = async (id: string) => {
  const { rows } = await api.database.pool.query<{ blob: string }>('select blob from tessera.file where id = $1', [id]);
  return rows[0]?.blob ?? '';
};

describe('files', () => {
  test('come, are listed, read and deleted; the bytes go with the last name for them', async () => {
    const upload = () => toFile(Buffer.from('{"a":1}\n'), 'täglich.jsonl');
    const file = await client.files.create({ file: await upload(), purpose: 'batch' });
    expect(file).toMatchObject({ object: 'file', bytes: 8, filename: 'täglich.jsonl', purpose: 'batch' });
    expect(file.id).toMatch(/^file-[0-9a-f]{24}$/);
    expect(await client.files.retrieve(file.id)).toEqual(file);
    expect(await (await client.files.content(file.id)).text()).toBe('{"a":1}\n');

    const again = await client.files.create({ file: await upload(), purpose: 'user_data' });
    const third = await client.files.create({ file: await toFile(Buffer.from('x'), 'x.txt'), purpose: 'user_data' });
    const ids: string[] = [];
    for await (const each of client.files.list({ limit: 1, order: 'asc' })) ids.push(each.id);
    expect(ids).toEqual([file.id, again.id, third.id]);
    expect((await client.files.list({ purpose: 'user_data' })).data.map(({ id }) => id)).toEqual([third.id, again.id]);

    const blob = await blobOf(file.id);
    expect(await client.files.delete(file.id)).toEqual({ id: file.id, object: 'file', deleted: true });
    expect(existsSync(api.blobs.path(blob))).toBe(true);
    await client.files.delete(again.id);
    expect(existsSync(api.blobs.path(blob))).toBe(false);
    await expect(client.files.retrieve(file.id)).rejects.toBeInstanceOf(NotFoundError);
  });

  test('belong to who brought them', async () => {
    const { id } = await client.files.create({ file: await toFile(PNG, 'cat.png'), purpose: 'vision' });
    const ask = (as: OpenAI) =>
      as.chat.completions.create({
        model,
        messages: [
          {
            role: 'user',
            content: [
              { type: 'file', file: { file_id: id } },
              { type: 'text', text: 'What?' },
            ],
          },
        ],
      });
    expect((await ask(client)).choices[0]?.message.content).toBe('What? ← cat.png');
    await expect(ask(other)).rejects.toMatchObject({ status: 404, code: 'file_not_found' });
    for (const attempt of [other.files.retrieve(id), other.files.content(id), other.files.delete(id)])
      await expect(attempt).rejects.toMatchObject({ status: 404, code: 'file_not_found' });
    expect((await other.files.list()).data).toEqual([]);
    expect((await client.files.retrieve(id)).id).toBe(id);
  });

  test('what is refused leaves no bytes behind', async () => {
    const bytes = Buffer.from('nobody wants these bytes');
    const wrong = client.files.create({ file: await toFile(bytes, 'a.txt'), purpose: 'fine-tune' });
    await expect(wrong).rejects.toBeInstanceOf(BadRequestError);
    await expect(wrong).rejects.toMatchObject({ param: 'purpose', code: 'invalid_request' });
    expect(api.blobs.has(createHash('sha256').update(bytes).digest('hex'))).toBe(false);
    const empty = client.files.create({ file: await toFile(Buffer.alloc(0), 'a.txt'), purpose: 'batch' });
    await expect(empty).rejects.toMatchObject({ status: 422, code: 'empty_file' });
    const medium = new FormData();
    medium.append('file', new Blob([PNG]), 'same.png');
    const kept = await client.files.create({ file: await toFile(PNG, 'same.png'), purpose: 'vision' });
    const blob = await blobOf(kept.id);
    const headers = { authorization: `Bearer ${client.apiKey}` };
    await fetch(`${api.url}/v1/media`, { method: 'POST', body: medium, headers });
    await fetch(`${api.url}/v1/media/${blob}`, { method: 'DELETE', headers });
    expect(api.blobs.has(blob)).toBe(true);
  });
});
