import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Line } from '../compose/lines.js';
import { MOST_SENTENCES, summarise } from './summarise.js';

const part = (i: number): Line[] =>
  ['first', 'second'].map((word, j) => ({
    text: `[x] ${word} thing of part${i}\n`,
    quote: `${word} thing of part${i}`,
    span: { mediumId: 'e'.repeat(64), start: 10 * i + j, end: 10 * i + j + 1 },
  }));

test('each part becomes a sentence that rests on the line it repeats', async () => {
  const told = await summarise([part(0), part(1)], { tell: async ([, line]) => line?.quote });
  expect(told.map(({ text, source }) => [text, source.span.start])).toEqual([
    ['second thing of part0.', 1],
    ['second thing of part1.', 11],
  ]);
});

test('however many parts, few sentences are left, in order, and no call reads more than three of them', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 120 }), async (count) => {
      const read: number[] = [];
      const progress: number[] = [];
      const told = await summarise(
        Array.from({ length: count }, (_, i) => part(i)),
        {
          tell: async (lines) => (read.push(lines.length), lines[0]?.quote),
          onProgress: (done, total) => progress.push(done / total),
        },
      );
      expect(told.length).toBeLessThanOrEqual(MOST_SENTENCES);
      expect(Math.max(...read)).toBeLessThanOrEqual(3);
      expect(progress.at(-1)).toBe(1);
      const starts = told.map(({ source }) => source.span.start ?? 0);
      expect(starts).toEqual([...starts].sort((a, b) => a - b));
      for (const { source } of told) expect(source.quote).toMatch(/^(first|second) thing/);
    }),
    { numRuns: 40 },
  );
});

test('what the decoder has nothing to say of is left out, and what it repeats is said once', async () => {
  const told = await summarise([part(0), part(1), part(2)], {
    tell: async ([line]) => (line?.quote.endsWith('part1') ? undefined : 'The same.'),
  });
  expect(told).toHaveLength(1);
});
