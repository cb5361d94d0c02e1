import { describe, expect, it } from 'vitest';
import { normaliseEnglish } from './english-normaliser.js';
import { wordErrorRate, wordErrors } from './word-errors.js';

describe('normaliseEnglish', () => {
  it.each([
    ['Mr. Park visited Dr. Li, didn’t he?', 'mister park visited doctor li did not he'],
    ['The colour [laughs] was grey (sigh).', 'the color was gray'],
    ['in nineteen sixty-three', 'in 1963'],
    ['two hundred and five thousand, three hundred men', '205300 men'],
    ['twenty-one 1,000', '21 1000'],
    ['Um, it’s I’ve been', 'it is i have been'],
    ['one', '1'],
  ])('%j → %j', (text, expected) => {
    expect(normaliseEnglish(text)).toBe(expected);
  });
});

describe('word errors', () => {
  it('counts substitutions, deletions and insertions', () => {
    expect(wordErrors(['a', 'b', 'c'], ['a', 'x', 'c', 'd'])).toBe(2);
    expect(wordErrors([], ['a'])).toBe(1);
    expect(wordErrorRate([{ reference: 'A b.', hypothesis: 'a c' }], normaliseEnglish)).toBe(0.5);
  });
});
