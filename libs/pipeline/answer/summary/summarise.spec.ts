import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Line } from '../../compose/lines.js';
import { centrality, mostCentral } from './central.js';
import { MOST_PARTS, MOST_SENTENCES, summarise } from './summarise.js';

const line = (quote: string, i: number): Line => ({
  text: `[x] ${quote}\n`,
  quote,
  span: { mediumId: 'e'.repeat(64), start: i, end: i + 1 },
});
const lines = [
  'Welcome to the yearly meeting of the gardeners.',
  'The garden grew by forty apple trees and two ponds this year.',
  'Apple trees need water in the first summer.',
  'Hello?',
  'Volunteers water the apple trees of the garden every evening.',
  'Somebody left a bag in the hall.',
  'Next year the garden will open on Sundays.',
  'Good night.',
].map(line);
const fits = (): number => 3;

test('each part becomes a sentence that rests on the line it repeats', async () => {
  const told = await summarise(lines, { tell: async (part) => part.at(-1)?.quote, fits });
  expect(told.length).toBeGreaterThan(1);
  for (const { text, source } of told) expect(source.quote).toBe(text);
});

test('without a model each part is told by its own sentence', async () => {
  const told = await summarise(lines, { fits });
  expect(told.map(({ source }) => source.quote)).toEqual(told.map(({ text }) => text));
  expect(told.length).toBeGreaterThan(1);
});

test('what the decoder makes up is put aside for the sentence that says most of the part', async () => {
  const told = await summarise(lines, { tell: async () => 'The people are planning a big party with dancing elephants.', fits });
  const quotes = lines.map(({ quote }) => quote);
  expect(told.length).toBeGreaterThan(1);
  for (const { text } of told) expect(quotes).toContain(text);
}); // prettier-ignore

test('however long the material, parts and sentences are few and in order, and no call reads more than fits', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 1, max: 9 }), async (count, most) => {
      const many = Array.from({ length: count }, (_, i) => line(`Thing ${i % 7} of part ${i} is told here today.`, i));
      const read: number[] = [];
      const progress: number[] = [];
      const told = await summarise(many, {
        tell: async (part) => (read.push(part.length), part[0]?.quote),
        fits: (part) => Math.min(most, part.length),
        onProgress: (done, total) => progress.push(done / total),
      });
      expect(told.length).toBeLessThanOrEqual(MOST_SENTENCES);
      expect(told.length).toBeGreaterThan(0);
      expect(read.length).toBeLessThanOrEqual(MOST_PARTS);
      expect(Math.max(...read)).toBeLessThanOrEqual(most);
      expect(progress.at(-1)).toBe(1);
      const starts = told.map(({ source }) => source.span.start ?? 0);
      expect(starts).toEqual([...starts].sort((a, b) => a - b));
    }),
    { numRuns: 40 },
  );
});

test('what is told twice is said once', async () => {
  const twice = Array.from({ length: 9 }, (_, i) => line('The garden grew by forty apple trees.', i));
  expect(await summarise(twice, { tell: async ([first]) => first?.quote, fits })).toHaveLength(1);
});

describe('centrality', () => {
  test('prefers what others speak of too, and what reads well alone', () => {
    const texts = lines.map(({ quote }) => quote);
    expect(mostCentral(texts, 3).map((i) => texts[i])).toEqual([texts[1], texts[2], texts[4]]);
    const [plain, pointing] = centrality(['The old garden needs a lot of water.', 'And it is the old garden that needs a lot of water.', 'Water!', 'Garden!']); // prettier-ignore
    expect(plain).toBeGreaterThan(pointing!);
  });

  test('has nothing of nothing', () => {
    expect(mostCentral([], 3)).toEqual([]);
    expect(mostCentral([''], 3)).toEqual([0]);
  });
});
