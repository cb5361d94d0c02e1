import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { openGguf } from '../gguf/file.js';
import type { GgufValue } from '../gguf/header.js';
import { readDecoderConfig } from './architecture.js';
import { readDivisors, rotaryFrequencies } from './rotary.js';

const LLAMA = { architecture: 'llama', headDim: 8 };

/** A file with these `llama.rope.` keys and this `rope_freqs.weight`. */
const file = (keys: Record<string, GgufValue>, ofPairs?: number[]) => ({
  metadata: Object.fromEntries(Object.entries(keys).map(([key, value]) => [`llama.rope.${key}`, value])),
  has: (name: string) => name === 'rope_freqs.weight' && ofPairs !== undefined,
  floats: () => Promise.resolve(Float32Array.from(ofPairs ?? [])),
});

describe('readDivisors', () => {
  it.each<[string, ReturnType<typeof file>, number[] | undefined]>([
    ['nothing', file({ freq_base: 500_000 }), undefined],
    ['a factor for each pair', file({}, [1, 1, 2.5, 8]), [1, 1, 2.5, 8]],
    ['positions that are divided', file({ 'scaling.type': 'linear', 'scaling.factor': 4 }), [4, 4, 4, 4]],
    ['a factor without a type', file({ 'scaling.factor': 2 }), [2, 2, 2, 2]],
    ['the older key', file({ scale_linear: 2 }), [2, 2, 2, 2]],
    ['no scaling, whatever the factor', file({ 'scaling.type': 'none', 'scaling.factor': 4 }), undefined],
    ['both', file({ 'scaling.factor': 2 }, [1, 1, 2.5, 8]), [2, 2, 5, 16]],
  ])('reads %s', async (_, source, divisors) => {
    expect(await readDivisors(source, LLAMA)).toEqual(divisors && Float32Array.from(divisors));
  });

  it.each(['yarn', 'longrope'])('refuses %s', async (type) => {
    await expect(readDivisors(file({ 'scaling.type': type, 'scaling.factor': 4 }), LLAMA)).rejects.toMatchObject({
      code: 'model_invalid',
      message: `The decoder's GGUF metadata say llama.rope.scaling.type "${type}"; supported are none, linear.`,
    });
  });

  it('refuses factors of another number of pairs', async () => {
    await expect(readDivisors(file({}, [1, 1]), LLAMA)).rejects.toMatchObject({ code: 'model_invalid' });
  });
});

describe('readDecoderConfig', () => {
  it('has them beside the sizes', async () => {
    const gguf = await openGguf(fileURLToPath(new URL('../../decoder/golden/families/llama.gguf', import.meta.url)));
    try {
      expect(await readDecoderConfig(gguf)).toMatchObject({ headDim: 16, theta: 20_000, divisors: undefined });
      gguf.metadata['llama.rope.scaling.factor'] = 4;
      expect(await readDecoderConfig(gguf)).toMatchObject({ headDim: 16, divisors: new Float32Array(8).fill(4) });
      gguf.metadata['llama.rope.scaling.type'] = 'yarn';
      await expect(readDecoderConfig(gguf)).rejects.toMatchObject({ code: 'model_invalid' });
    } finally {
      await gguf.close();
    }
  });
});

describe('rotaryFrequencies', () => {
  it('falls from one pair to the next, divided where the file says so', () => {
    const shape = { headDim: 8, theta: 10_000 };
    const plain = [1, 0.1, 0.01, 0.001];
    [...rotaryFrequencies(shape)].forEach((frequency, i) => expect(frequency).toBeCloseTo(plain[i]!, 12));
    const divided = rotaryFrequencies({ ...shape, divisors: Float32Array.of(1, 1, 2.5, 8) });
    [...divided].forEach((frequency, i) => expect(frequency).toBeCloseTo(plain[i]! / [1, 1, 2.5, 8][i]!, 12));
  });
});
