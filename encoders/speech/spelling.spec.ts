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

  it('meets a possessive and marks that are asked for, and puts back only what is beyond them', () => {
    expect(spelt("Well, let's go; LET'S!", ["let's", 'let us'])).toBe('Well, let us go; Let us!');
    expect(spelt('At "McDonald\'s", now.', ["McDonald's", "MacDonald's"])).toBe('At "MacDonald\'s", now.');
    expect(spelt('He met Dr. Smith, and C++.', ['Dr. Smith', 'Doctor Smith'], ['c++', 'cpp'])).toBe(
      'He met Doctor Smith, and Cpp.',
    );
    expect(spelt('A ".NET" net.', ['.NET', 'dot net'])).toBe('A "Dot net" net.');
    expect(spelt("The O'Neill's CAT'S", ["o'neill", "O'Neil"], ['cat', 'dog'])).toBe("The O'Neil's Dog'S");
    expect(spelt("Dr Smith let's go.", ['Dr.', 'Doctor'], ["let'", 'x'])).toBe("Dr Smith let's go.");
  });

  it('lets what is longer win, in whatever order they are given', () => {
    expect(spelt("Let's let.", ['let', 'allow'], ["let's", 'let us'])).toBe('Let us allow.');
  });

  it('leaves no space where there was none', () => {
    const words = ['我', '用', '苹果', 'OK', '吗？'].map((word, i) => ({ word, start: i, end: i + 1 }));
    const utterance = { ...said('我用苹果 OK吗？'), words };
    expect(respell(utterance, [{ from: '苹果', to: 'Apple' }]).text).toBe('我用Apple OK吗？');
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
