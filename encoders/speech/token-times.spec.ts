import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tensor } from '#runtime';
import { tokenTimes, warp } from './token-times.js';

describe('warp', () => {
  it('follows the cheap diagonal', () => {
    const cost = Float64Array.from([-1, -1, 0, 0, 0, 0, 0, -1, -1, 0, 0, 0, 0, 0, -1]);
    expect(warp(cost, 3, 5)).toEqual([0, 2, 4]);
  });

  it('never goes back and stays inside', () => {
    const matrix = fc.tuple(
      fc.integer({ min: 1, max: 8 }),
      fc.integer({ min: 1, max: 20 }),
      fc.infiniteStream(fc.double({ min: -1, max: 1, noNaN: true })),
    );
    fc.assert(
      fc.property(matrix, ([rows, steps, stream]) => {
        const begins = warp(
          Float64Array.from({ length: rows * steps }, () => stream.next().value as number),
          rows,
          steps,
        );
        begins.forEach((step, i) => {
          expect(step).toBeGreaterThanOrEqual(i === 0 ? 0 : begins[i - 1]!);
          expect(step).toBeLessThan(steps);
        });
      }),
    );
  });
});

describe('tokenTimes', () => {
  it('finds where each token looks', () => {
    const [rows, steps] = [3, 60];
    const data = new Float32Array(2 * rows * steps).fill(0.001);
    for (let head = 0; head < 2; head++)
      for (let r = 0; r < rows; r++)
        data.fill(0.5, (head * rows + r) * steps + r * 20, (head * rows + r) * steps + (r + 1) * 20);
    const layers = [data.subarray(0, rows * steps), data.subarray(rows * steps)];
    const seconds = tokenTimes(
      layers.map((head) => tensor('float32', [1, rows, steps], head)),
      2,
      { step: 384, first: 448 },
    ).map((samples) => samples / 16_000);
    expect(seconds[0]).toBe(0);
    expect(seconds[1]).toBeCloseTo(20 * 0.024 + 0.028, 1);
  });
});
