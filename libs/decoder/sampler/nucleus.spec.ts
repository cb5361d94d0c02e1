import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Nucleus, type NucleusOptions } from './nucleus.js';

/** The definition, by sorting everything. */
function bySorting(logits: Float32Array, { temperature, topK, topP, minP }: NucleusOptions): number[] {
  const max = Math.max(...logits);
  const weight = (id: number) => Math.exp((logits[id]! - max) / temperature);
  let ids = [...logits.keys()].filter((id) => logits[id]! > -Infinity && weight(id) > 0);
  ids.sort((a, b) => logits[b]! - logits[a]! || a - b);
  if (topK > 0) ids = ids.slice(0, topK);
  const target = topP * ids.reduce((sum, id) => sum + weight(id), 0);
  let sum = 0;
  if (topP < 1) ids = ids.filter((_, i) => (i === 0 || sum < target) && ((sum += weight(ids[i]!)), true));
  return ids.filter((id) => Math.fround(weight(id)) >= minP).sort((a, b) => a - b);
}

const options = fc.record({
  temperature: fc.double({ min: 0.05, max: 2, noNaN: true }),
  topK: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 80 })),
  topP: fc.oneof(fc.constant(1), fc.double({ min: 0.01, max: 0.99, noNaN: true })),
  minP: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1, noNaN: true })),
});
const logit = fc.oneof(
  { weight: 6, arbitrary: fc.double({ min: -8, max: 8, noNaN: true }) },
  { weight: 2, arbitrary: fc.integer({ min: -2, max: 2 }) },
  { weight: 1, arbitrary: fc.constant(-Infinity) },
);
const logits = fc.array(logit, { minLength: 1, maxLength: 64 }).map((xs) => Float32Array.from([0, ...xs]));

describe('Nucleus', () => {
  it('keeps the tokens that sorting everything would keep', () => {
    fc.assert(
      fc.property(logits, options, (xs, wanted) => {
        const kept = [...new Nucleus(xs.length).candidates(xs, wanted)];
        const expected = bySorting(xs, wanted);
        // Tokens under e^-31 of the likeliest may be dropped, and a share that is met within rounding may take one more.
        const max = Math.max(...xs);
        const negligible = (id: number) => (max - xs[id]!) / wanted.temperature > 31.8;
        const difference = [...kept, ...expected].filter(
          (id) => !negligible(id) && kept.includes(id) !== expected.includes(id),
        );
        expect(difference.length).toBeLessThanOrEqual(wanted.topP < 1 ? 1 : 0);
        if (difference.length === 1) {
          const again = bySorting(xs, {
            ...wanted,
            topP: wanted.topP + (kept.includes(difference[0]!) ? 1e-6 : -1e-6),
          });
          expect(again).toEqual(kept);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('draws in proportion to the softmax', () => {
    const xs = Float32Array.from([Math.log(1), Math.log(2), Math.log(5), -Infinity]);
    const nucleus = new Nucleus(4);
    const drawn = [0, 0, 0, 0];
    for (let i = 0; i < 800; i++)
      drawn[nucleus.draw(xs, { temperature: 1, topK: 0, topP: 1, minP: 0 }, (i + 0.5) / 800)]!++;
    expect(drawn).toEqual([100, 200, 500, 0]);
  });

  it('says so when nothing is allowed', () => {
    const none = new Float32Array(3).fill(-Infinity);
    for (const topK of [0, 2])
      expect(new Nucleus(3).draw(none, { temperature: 1, topK, topP: 0.9, minP: 0 }, 0.5)).toBe(-1);
  });
});
