import fc from 'fast-check';
import { expect, test } from 'vitest';
import { balance } from './balance.js';

const positive = fc.double({ min: 1e-3, max: 1e3, noNaN: true });

test('products stay the same, and large activations move into the weights', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4 }), fc.array(positive, { minLength: 2, maxLength: 8 }), (rows, peaks) => {
      const columns = peaks.length;
      const weights = Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(i + 1));
      const before = Array.from(weights);
      const x = Float64Array.from(peaks);
      balance(weights, Float32Array.from(peaks), (j, factor) => (x[j]! /= factor));
      for (let row = 0; row < rows; row++) {
        const terms = peaks.map((peak, j) => [peak * before[row * columns + j]!, x[j]! * weights[row * columns + j]!]);
        for (const [was, is] of terms) expect(Math.abs(was! - is!)).toBeLessThan(1e-5 * Math.abs(was!) + 1e-9);
      }
      if (rows === 1) return;
      expect(Math.max(...x) / Math.min(...x)).toBeLessThan((Math.max(...peaks) / Math.min(...peaks)) * 50);
    }),
  );
});

test('a channel without activations or weights does no harm', () => {
  const weights = Float32Array.from([0, 1, 0, 2]);
  const factors: number[] = [];
  balance(weights, Float32Array.from([0, 3]), (_, factor) => factors.push(factor));
  expect(weights.every(Number.isFinite)).toBe(true);
  expect(factors.every((factor) => factor > 0 && Number.isFinite(factor))).toBe(true);
});
