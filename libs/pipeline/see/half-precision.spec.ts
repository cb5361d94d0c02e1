import fc from 'fast-check';
import { expect, test } from 'vitest';
import { halves, numbersOf } from './half-precision.js';

const through = (value: number): number => numbersOf(halves(Float32Array.of(value)))[0] as number;

test('a number comes back within half a unit in its last place', () => {
  fc.assert(
    fc.property(fc.float({ min: -65_504, max: 65_504, noNaN: true, noDefaultInfinity: true }), (value) => {
      const error = Math.abs(through(value) - value);
      expect(error).toBeLessThanOrEqual(Math.max(2 ** -14, Math.abs(value) * 2 ** -11));
    }),
  );
});

test('what half precision has comes back as it was', () => {
  for (const value of [0, 1, -1, 0.5, 1.5, 2048, -0.0999755859375, 65_504, 2 ** -14])
    expect(through(value)).toBe(value);
});

test('ties go to even, a fraction carries, and what is too large is the largest', () => {
  expect(through(1 + 2 ** -11)).toBe(1);
  expect(through(1 + 3 * 2 ** -11)).toBe(1 + 2 ** -9);
  expect(through(2 - 2 ** -12)).toBe(2);
  expect(through(1e9)).toBe(65_504);
  expect(through(1e-9)).toBe(0);
});
