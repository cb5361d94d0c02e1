import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Utterance } from '#contracts';
import { respell } from './spelling.js';

const said = (text: string): Utterance => ({ start: 0, end: 10, text });
const timed = (text: string): Utterance => ({
  ...said(text),
  words: text.split(' ').map((word, i) => ({ word, start: i, end: i + 1 })),
});
const spelt = (text: string, ...pairs: [from: string, to: string][]) =>
  respell(
    said(text),
    pairs.map(([from, to]) => ({ from, to })),
  ).text;

describe('respell', () => {
  it('replaces whole words and leaves what is around them', () => {
    expect(spelt('A "cat", the cat\'s tail; concatenate.', ['cat', 'dog'])).toBe(
      'A "dog", the dog\'s tail; concatenate.',
    );
  });

  it('meets small letters in any case and keeps the capital of a sentence; capitals only as they are', () => {
    expect(spelt('Colour and colour.', ['colour', 'color'])).toBe('Color and color.');
    expect(spelt('Apple phones; I phone you.', ['i phone', 'iPhone'])).toBe('Apple phones; iPhone you.');
    expect(spelt('Us and US.', ['US', 'USA'])).toBe('Us and USA.');
  });

  it('takes several words for one, the longest first, but not across a comma', () => {
    expect(spelt('Open a i is open.', ['open', 'shut'], ['open a i', 'OpenAI'])).toBe('OpenAI is shut.');
    expect(spelt('Open, a i.', ['open a i', 'OpenAI'])).toBe('Open, a i.');
  });

  it('keeps the times of words', () => {
    const { words, text } = respell(timed('say kuber netties now'), [{ from: 'kuber netties', to: 'Kubernetes' }]);
    expect(text).toBe('say Kubernetes now');
    expect(words![1]).toEqual({ word: 'Kubernetes', start: 1, end: 3 });
    const split = respell(timed('say gonna now'), [{ from: 'gonna', to: 'going to' }]).words!;
    expect(split.map(({ word }) => word)).toEqual(['say', 'going', 'to', 'now']);
    expect([split[1]!.start, split[1]!.end, split[2]!.end]).toEqual([1, 1.714, 2]);
  });

  it('never breaks the order of times, and changes nothing without a rule that meets', () => {
    const word = fc.constantFrom('a', 'b', 'a,', '"b"', 'C');
    const rule = fc.record({ from: fc.constantFrom('a', 'b', 'a b', 'c'), to: fc.constantFrom('x', 'y z', '', 'Q') });
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 12 }), fc.array(rule, { maxLength: 3 }), (list, rules) => {
        const before = timed(list.join(' '));
        const { words = [], text } = respell(before, rules);
        expect(text).toBe(words.map((each) => each.word).join(' '));
        words.forEach(({ start, end }, i) => {
          expect(end).toBeGreaterThanOrEqual(start);
          if (i > 0) expect(start).toBeGreaterThanOrEqual(words[i - 1]!.end);
        });
        if (rules.length === 0) expect(respell(before, rules)).toBe(before);
      }),
    );
  });
});
