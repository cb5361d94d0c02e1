import fc from 'fast-check';
import { expect, it } from 'vitest';
import { TesseraError } from '#contracts';
import { whatFits } from './what-fits.js';

const segments = ['the harbour', 'a poem', 'the library', 'rain', 'the library again', 'snow', 'wind', 'fog'].map((quote) => ({ quote })); // prettier-ignore

const holding = (most: number) => (read: { quote: string }[]) => {
  if (read.length > most) return Promise.reject(new TesseraError('context_too_long', 'too long'));
  return Promise.resolve(read.map(({ quote }) => quote));
};

it('reads everything where it fits', async () => {
  const { done, segments: read } = await whatFits('When was the library opened?', segments, holding(8));
  expect(done).toHaveLength(8);
  expect(read).toBe(segments);
});

it('keeps what shares words with the question, in its order', async () => {
  const { done } = await whatFits('When was the library opened?', segments, holding(2));
  expect(done).toEqual(['the library', 'the library again']);
});

it('ends at a segment that is too long by itself, and passes other errors on', async () => {
  await expect(whatFits('?', segments, holding(0))).rejects.toMatchObject({ code: 'context_too_long' });
  const failing = () => Promise.reject(new TesseraError('overloaded', 'later'));
  await expect(whatFits('?', segments, failing)).rejects.toMatchObject({ code: 'overloaded' });
});

it('reads as much as fits but for a half, in order, whatever the words', async () => {
  const words = fc.array(fc.constantFrom('library', 'harbour', 'rain', 'snow'), { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(fc.array(words, { minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 40 }), async (all, most) => {
      const given = all.map((each, i) => ({ quote: each.join(' '), i }));
      const { segments: read } = await whatFits('Where is the library?', given, (some) => holding(most)(some));
      expect(read.length).toBeLessThanOrEqual(most);
      expect(2 * read.length).toBeGreaterThanOrEqual(Math.min(most, given.length));
      expect(read.map(({ i }) => i)).toEqual(read.map(({ i }) => i).sort((a, b) => a - b));
    }),
  ); // prettier-ignore
});
