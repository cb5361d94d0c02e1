import { expect, test } from 'vitest';
import { halves } from './half-precision.js';
import { frameTokens } from './visual-tokens.js';

test('the tokens of a frame have memory of their own: with a part of it, all of a film would go to the decoder’s thread', () => {
  const [frames, rows, d] = [3, 2, 4];
  const all = halves(Float32Array.from({ length: frames * rows * d }, (_, i) => i));
  const tokens = frameTokens(all, 1, rows, d);
  expect([...tokens]).toEqual([8, 9, 10, 11, 12, 13, 14, 15]);
  expect(tokens.buffer.byteLength).toBe(4 * rows * d);
});
