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

  it('is what the definition gives: standardised, a median of seven, and the cheapest path', () => {
    const matrix = fc.record({
      heads: fc.integer({ min: 1, max: 3 }),
      rows: fc.integer({ min: 1, max: 6 }),
      steps: fc.integer({ min: 1, max: 24 }),
      values: fc.infiniteStream(fc.integer({ min: 0, max: 9 })),
    });
    fc.assert(
      fc.property(matrix, ({ heads, rows, steps, values }) => {
        const data = Float32Array.from({ length: heads * rows * steps }, () => values.next().value as number);
        const found = tokenTimes([tensor('float32', [heads, rows, steps], data)], rows, { step: 1, first: 0 });
        expect(found).toEqual(warp(plainCost(data, rows, steps), rows, steps));
      }),
    );
  });
});

/** The cost by its definition, value by value. */
function plainCost(data: Float32Array, rows: number, steps: number): Float64Array {
  const cost = new Float64Array(rows * steps);
  for (let head = 0; head < data.length; head += rows * steps) {
    const standard = data.slice(head, head + rows * steps);
    for (let t = 0; t < steps; t++) {
      const column = Array.from({ length: rows }, (_, r) => standard[r * steps + t]!);
      const mean = column.reduce((sum, value) => sum + value, 0) / rows;
      const variance = column.reduce((sum, value) => sum + (value - mean) ** 2, 0) / rows;
      column.forEach((value, r) => (standard[r * steps + t] = (value - mean) / (Math.sqrt(variance) || 1)));
    }
    for (let at = 0; at < cost.length; at++) {
      const [row, t] = [Math.floor(at / steps) * steps, at % steps];
      const around = [-3, -2, -1, 0, 1, 2, 3].map((k) => standard[row + Math.min(steps - 1, Math.max(0, t + k))]!);
      cost[at]! -= around.sort((a, b) => a - b)[3]!;
    }
  }
  return cost;
}
