import { expect, test } from 'vitest';
import { repack } from './audio.js';

async function* inChunks(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function repacked(samples: number[], chunk: number, size: number): Promise<number[][]> {
  const pieces: number[][] = [];
  for await (const piece of repack(inChunks(Buffer.from(Float32Array.from(samples).buffer), chunk), size))
    pieces.push([...piece]);
  return pieces;
}

test('cuts bytes into pieces of samples, the last one shorter', async () => {
  expect(await repacked([0.5, -1, 0.25, 1, -0.5], 3, 2)).toEqual([[0.5, -1], [0.25, 1], [-0.5]]);
});

test('makes silence of what is no sound, and leaves loud sound', async () => {
  const samples = [0.5, NaN, -Infinity, Infinity, -20_000, 3e38, NaN];
  expect(await repacked(samples, 28, 3)).toEqual([[0.5, 0, 0], [0, -20_000, 0], [0]]);
});
