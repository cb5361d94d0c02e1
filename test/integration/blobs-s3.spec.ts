import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, afterEach, expect, test } from 'vitest';
import { openBlobs, type Blobs } from '#storage';
import { startS3 } from '../support/servers.js';

const random = (bytes: number, seed: string): Buffer => {
  const blocks: Buffer[] = [];
  for (let i = 0; i * 32 < bytes; i++) blocks.push(createHash('sha256').update(`${seed} ${i}`).digest());
  return Buffer.concat(blocks).subarray(0, bytes);
};
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

let server: Awaited<ReturnType<typeof startS3>>;
let folder: string;
let blobs: Blobs;
const open = (cacheBytes = 2 ** 30, url = server.url, dataDir = folder): Promise<Blobs> =>
  openBlobs({ blobs: { url, cacheBytes }, dataDir });

beforeAll(async () => {
  process.env['AWS_ACCESS_KEY_ID'] = 'test';
  process.env['AWS_SECRET_ACCESS_KEY'] = 'test';
  server = await startS3();
}, 300_000);
afterAll(() => server.stop());
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tessera-s3-'));
  blobs = await open();
});
afterEach(async () => {
  await blobs.close();
  // Nothing of this process remains on disk.
  expect(readdirSync(join(folder, 'copies'))).toEqual([]);
  rmSync(folder, { recursive: true });
});

test('what is put under its hash is read whole, in part, as a stream and as a file, by another process too', async () => {
  const bytes = random(100_000, 'a');
  const { id, size } = await blobs.put(Readable.from([bytes.subarray(0, 7), bytes.subarray(7)]));
  expect([id, size]).toEqual([sha256(bytes), bytes.length]);
  expect(await blobs.put(bytes)).toEqual({ id, size });

  const other = await open(2 ** 30, server.url, join(folder, 'other'));
  expect(await other.has(id)).toBe(true);
  expect(await other.size(id)).toBe(bytes.length);
  expect(await other.get(id)).toEqual(bytes);
  const part: Buffer[] = [];
  for await (const chunk of other.stream(id, { start: 10, end: 19 })) part.push(chunk as Buffer);
  expect(Buffer.concat(part)).toEqual(bytes.subarray(10, 20));
  {
    await using file = await other.local(id);
    expect(readFileSync(file.path)).toEqual(bytes);
  }
  await other.delete(id);
  expect(await blobs.has(id)).toBe(false);
  await expect(other.get(id)).rejects.toMatchObject({ code: 'media_not_found' });
  await expect(other.local(id)).rejects.toMatchObject({ code: 'media_not_found' });
  await other.close();
});

test('who announces what comes is told before it is there; when that fails, it does not come', async () => {
  const seen: [string, boolean][] = [];
  const announce = async (id: string): Promise<void> => void seen.push([id, await blobs.has(id)]);
  const { id } = await blobs.put(random(100, 'announced'), { announce });
  expect(seen).toEqual([[id, false]]);
  const unannounced = random(100, 'unannounced');
  const failing = { announce: () => Promise.reject(new Error('no database')) };
  await expect(blobs.put(unannounced, failing)).rejects.toThrow('no database');
  expect(await blobs.has(sha256(unannounced))).toBe(false);
});

test('a large blob goes up in parts; one over the cap goes nowhere', async () => {
  const bytes = random(12 * 2 ** 20, 'large');
  const { id } = await blobs.put(bytes);
  expect(sha256(await blobs.get(id))).toBe(id);
  await expect(blobs.put(Readable.from([bytes]), { maxBytes: 1000 })).rejects.toMatchObject({ code: 'file_too_large' });
});

test('copies: one transfer for all who want it at once, what is in use stays, and the rest within its bound', async () => {
  const ids: string[] = [];
  for (const name of ['a', 'b', 'c']) ids.push((await blobs.put(random(40_000, name))).id);
  const [a = '', b = '', c = ''] = ids;
  const small = await open(100_000, server.url, join(folder, 'small'));
  const held = await small.local(a);
  const [one, two] = await Promise.all([small.local(b), small.local(b)]);
  expect(one?.path).toBe(two?.path);
  await one?.[Symbol.asyncDispose]();
  await two?.[Symbol.asyncDispose]();
  {
    await using last = await small.local(c);
    expect(existsSync(last.path)).toBe(true);
  }
  // b was used before c, and a is still held.
  expect([held.path, one?.path].map((path) => existsSync(path ?? ''))).toEqual([true, false]);
  await held[Symbol.asyncDispose]();
  await small.close();
});

test('who is cancelled waits no longer, and spoils nothing for the others', async () => {
  const { id } = await blobs.put(random(3 * 2 ** 20, 'shared'));
  const other = await open(2 ** 30, server.url, join(folder, 'other'));
  const controller = new AbortController();
  const cancelled = other.local(id, controller.signal);
  const waiting = other.local(id);
  controller.abort();
  await expect(cancelled).rejects.toMatchObject({ code: 'cancelled' });
  {
    await using file = await waiting;
    expect(sha256(readFileSync(file.path))).toBe(id);
  }
  await other.close();
});

test('copies of processes that died are removed', async () => {
  const dead = join(folder, 'copies', '999999999-abcdef01');
  mkdirSync(dead);
  const again = await open();
  expect(existsSync(dead)).toBe(false);
  await again.close();
});

test('a bucket that cannot be used is said when the process starts', async () => {
  const nowhere = server.url.replace('tessera', 'nowhere');
  await expect(open(1, nowhere)).rejects.toMatchObject({ code: 'configuration' });
  await expect(open(1, 's3://tessera?endpoint=ftp://x')).rejects.toThrow(/endpoint: is not/);
  await expect(open(1, 's3://user:pass@tessera')).rejects.toThrow(/holds credentials/);
  await expect(open(1, 's3://tessera?regoin=x')).rejects.toThrow(/regoin: no such option/);
});
