import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TesseraError } from '#contracts';
import { readSafetensors } from './file.js';
import { parseSafetensorsHeader } from './header.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-safetensors-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function fileOf(header: unknown, data: Uint8Array, length?: number): Promise<string> {
  const json = Buffer.from(JSON.stringify(header));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(length ?? json.length));
  const path = join(folder, 'x.safetensors');
  await writeFile(path, Buffer.concat([size, json, data]));
  return path;
}

const entry = (dtype: string, shape: number[], ...data_offsets: number[]) => ({ dtype, shape, data_offsets });

describe('readSafetensors', () => {
  it('reads float32, float16 and bfloat16', async () => {
    const data = Buffer.from(Uint16Array.of(0x3c00, 0xc100, 0x7bff, 0x0001, 0x3f80, 0xc020).buffer);
    const scalar = Buffer.from(Float32Array.of(0.1).buffer);
    const path = await fileOf(
      {
        __metadata__: { rank: '16' },
        half: entry('F16', [2, 2], 0, 8),
        brain: entry('BF16', [2], 8, 12),
        scalar: entry('F32', [], 12, 16),
      },
      Buffer.concat([data, scalar]),
    );
    const file = await readSafetensors(path);
    expect(file.metadata).toEqual({ rank: '16' });
    expect([...(await file.floats('half', [2, 2]))]).toEqual([1, -2.5, 65504, 2 ** -24]);
    expect([...(await file.floats('brain'))]).toEqual([1, -2.5]);
    expect([...(await file.floats('scalar', []))]).toEqual([Math.fround(0.1)]);
    expect(() => file.info('half', [4])).toThrow('tensor "half" is [2,2], [4] is needed');
    await expect(file.floats('other')).rejects.toMatchObject({ code: 'model_invalid' });
    await file.close();
  });

  it.each<[string, unknown, number?]>([
    ['a header longer than the file', {}, 1e15],
    ['no JSON', {}, 1],
    ['a list for a header', []],
    ['a tensor beyond the end', { x: entry('F32', [4], 0, 16) }],
    ['a tensor of another length than its shape', { x: entry('F32', [3], 0, 8) }],
    ['a shape that overflows', { x: entry('F32', [2 ** 53 - 1, 2 ** 53 - 1, 0.5], 0, 8) }],
    ['offsets that run backwards', { x: entry('F32', [0], 8, 0) }],
    ['a type of elements that we lack', { x: entry('I64', [1], 0, 8) }],
    ['an entry without offsets', { x: { dtype: 'F32', shape: [2] } }],
  ])('refuses %s', async (_, header, length) => {
    await expect(readSafetensors(await fileOf(header, new Uint8Array(8), length))).rejects.toMatchObject({
      code: 'model_invalid',
    });
  });

  it('refuses what is too short or not there', async () => {
    const path = join(folder, 'short');
    await writeFile(path, 'abc');
    await expect(readSafetensors(path)).rejects.toMatchObject({ code: 'model_invalid' });
    await expect(readSafetensors(join(folder, 'none'))).rejects.toMatchObject({ code: 'model_missing' });
  });
});

describe('parseSafetensorsHeader', () => {
  it('keeps every tensor inside the file, whatever the header says', () => {
    const dims = fc.array(fc.oneof(fc.nat(8), fc.maxSafeNat()), { maxLength: 4 });
    const anyEntry = fc.record({
      dtype: fc.constantFrom('F32', 'F16', 'BF16', 'U8', 'constructor'),
      shape: dims,
      data_offsets: fc.tuple(fc.nat(200), fc.nat(200)),
    });
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.oneof(anyEntry, fc.jsonValue())), (header) => {
        try {
          const { tensors } = parseSafetensorsHeader(JSON.stringify(header), 50, 150);
          for (const { range } of tensors.values()) {
            expect(range[0]).toBeGreaterThanOrEqual(50);
            expect(range[1]).toBeGreaterThanOrEqual(range[0]);
            expect(range[1]).toBeLessThanOrEqual(150);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(TesseraError);
        }
      }),
      { numRuns: 500 },
    );
  });
});
