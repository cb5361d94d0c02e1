import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isRight, makeTimeline } from './timeline.js';

const SENTENCES = ['A man rides a bicycle.', 'Two dogs play with a ball.', 'A red bus stands in front of a church.'];
const words = (text: string): number => text.split(' ').length;

test('the same seed gives the same timeline, and every fact stands once where it is said to stand', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e6 }), fc.integer({ min: 50, max: 2000 }), (seed, tokens) => {
      const timeline = makeTimeline(seed, tokens, SENTENCES, words);
      expect(makeTimeline(seed, tokens, SENTENCES, words)).toEqual(timeline);
      for (const question of timeline.questions) {
        if (question.kind === 'fact') expect(timeline.lines[question.lines[0]!]).toContain(question.values[0]);
        if (question.kind === 'count') expect(question.lines).toHaveLength(Number(question.values[0]));
        if (question.kind === 'three keys') expect(question.lines).toHaveLength(3);
        if (question.kind === 'absent') expect(question.lines).toEqual([]);
      }
    }),
    { numRuns: 30 },
  );
});

test('answers are judged by what they contain', () => {
  const fact = { kind: 'fact' as const, text: '', again: '', values: ['4'], lines: [] };
  expect(isRight(fact, 'It is 4.')).toBe(true);
  expect(isRight(fact, 'It is 14.')).toBe(false);
  expect(isRight(fact, "I can't find that in the material.")).toBe(false);
  const keys = { ...fact, values: ['12', '34'] };
  expect(isRight(keys, '12 and 34')).toBe(true);
  expect(isRight(keys, '34 and 12')).toBe(false);
  const order = { ...fact, values: ['A dog barks'], without: ['A cat sleeps'] };
  expect(isRight(order, '"A dog barks" comes first.')).toBe(true);
  expect(isRight(order, '"A dog barks" or "A cat sleeps".')).toBe(false);
  expect(isRight({ ...fact, values: [] }, "I can't find that in the material.")).toBe(true);
});
