import fc from 'fast-check';
import { expect, it } from 'vitest';
import { batches } from './batches.js';

const questions = (...tokens: number[]) => tokens.map((count, i) => ({ slot: 3 + i, tokens: count }));

it('reads questions of similar length together, as long as they are few tokens', () => {
  expect(batches(questions(10, 11, 12, 12))).toEqual([[0, 1, 2, 3]]);
  expect(batches(questions(10, 90, 95))).toEqual([[0], [1, 2]]);
  expect(batches(questions(100, 100, 100))).toEqual([[0, 1], [2]]);
  expect(batches(questions(700))).toEqual([[0]]);
  expect(batches([])).toEqual([]);
});

it('batches only what stands in adjacent slots, in their order', () => {
  const at = (...slots: number[]) => slots.map((slot) => ({ slot, tokens: 10 }));
  expect(batches(at(4, 3, 6))).toEqual([[1, 0], [2]]);
});

it('reads each once, in batches that are views of the arena and hardly padded', () => {
  const question = fc.record({ slot: fc.nat(40), tokens: fc.integer({ min: 1, max: 300 }) });
  fc.assert(
    fc.property(fc.uniqueArray(question, { selector: ({ slot }) => slot, maxLength: 32 }), (all) => {
      const made = batches(all);
      expect(made.flat().sort((a, b) => a - b)).toEqual([...all.keys()]);
      for (const batch of made) {
        const tokens = batch.map((i) => all[i]!.tokens);
        const padded = Math.max(...tokens) * batch.length;
        batch.forEach((i, at) => expect(all[i]!.slot).toBe(all[batch[0]!]!.slot + at));
        if (batch.length === 1) continue;
        expect(padded).toBeLessThanOrEqual(256);
        expect(tokens.reduce((a, b) => a + b)).toBeGreaterThanOrEqual(0.75 * padded);
      }
    }),
  );
});
