import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openGguf, readGguf } from './file.js';

const u32 = (value: number): Buffer => {
  const out = Buffer.alloc(4);
  out.writeUInt32LE(value);
  return out;
};
const u64 = (value: number): Buffer => {
  const out = Buffer.alloc(8);
  out.writeBigUInt64LE(BigInt(value));
  return out;
};
const text = (value: string): Buffer => Buffer.concat([u64(value.length), Buffer.from(value)]);

/** A file with two metadata entries and one 2×3 float tensor. */
function tiny(): Buffer {
  const header = Buffer.concat([
    Buffer.from('GGUF'), u32(3), u64(1), u64(2),
    text('general.architecture'), u32(8), text('llama'),
    text('tokens'), u32(9), u32(8), u64(2), text('a'), text('b'),
    text('w'), u32(2), u64(3), u64(2), u32(0), u64(0),
  ]); // prettier-ignore
  const padding = Buffer.alloc((32 - (header.byteLength % 32)) % 32);
  return Buffer.concat([header, padding, Buffer.from(Float32Array.of(1, 2, 3, 4, 5, 6).buffer)]);
}

describe('openGguf', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tessera-gguf-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function file(name: string, bytes: Buffer): Promise<string> {
    const path = join(folder, name);
    await writeFile(path, bytes);
    return path;
  }

  it('reads metadata, shapes and values', async () => {
    const gguf = await openGguf(await file('tiny.gguf', tiny()));
    expect(gguf.metadata).toEqual({ 'general.architecture': 'llama', tokens: ['a', 'b'] });
    expect(gguf.info('w').dims).toEqual([2, 3]);
    expect([...(await gguf.floats('w'))]).toEqual([1, 2, 3, 4, 5, 6]);
    expect(() => gguf.info('missing')).toThrow('no tensor missing');
    await gguf.close();
  });

  it('says what is wrong with a file that is not whole', async () => {
    await expect(readGguf(await file('text.gguf', Buffer.from('hello, world')))).rejects.toThrow('not a GGUF file');
    await expect(readGguf(await file('cut.gguf', tiny().subarray(0, 60)))).rejects.toThrow('ends inside its header');
    const short = await openGguf(await file('short.gguf', tiny().subarray(0, -4)));
    await expect(short.floats('w')).rejects.toThrow('cut short');
    await short.close();
  });
});
