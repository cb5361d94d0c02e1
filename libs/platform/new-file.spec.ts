import { pbkdf2 } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { writeNewFile } from './new-file.js';

const folder = mkdtempSync(join(tmpdir(), 'tessera-new-file-'));
afterAll(() => rmSync(folder, { recursive: true }));

type Bytes = AsyncIterable<Uint8Array>;
const same = (chunks: Bytes): Bytes => chunks;
const bytes = (text: string): Bytes => Readable.from([Buffer.from(text)]);
async function* broken(chunks: Bytes): Bytes {
  for await (const chunk of chunks) {
    if (chunk.byteLength > 0) throw new Error('broken');
    yield chunk;
  }
}

test('a file of its own is written; one that is there stays as it is; what is given up leaves none', async () => {
  const file = join(folder, 'a');
  await writeNewFile(file, bytes('first'), same);
  await expect(writeNewFile(file, bytes('second'), same)).rejects.toMatchObject({ code: 'EEXIST' });
  const signal = AbortSignal.abort();
  await expect(writeNewFile(join(folder, 'b'), bytes('a'), same, { signal })).rejects.toThrow(/abort/i);
  expect(readdirSync(folder)).toEqual(['a']);
  expect(readFileSync(file, 'utf8')).toBe('first');
  rmSync(file);
});

test('nothing remains of a failure, also of one that comes before the file has been opened', async () => {
  // Threads that are busy open files late, and what was asked of them later may be done before.
  for (let round = 0; round < 2000; round++) {
    for (let i = 0; i < 8; i++) pbkdf2('a', 'b', 20, 64, 'sha512', () => undefined);
    const error = await writeNewFile(join(folder, `b${round}`), bytes('a'), broken).catch(String);
    expect(error).toBe('Error: broken');
  }
  // As long as an opening may be late.
  await sleep(100);
  expect(readdirSync(folder)).toEqual([]);
});
