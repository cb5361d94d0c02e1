import { expect, it } from 'vitest';
import { remembered } from './remembered.js';

it('finds each word once, until there are too many of them', () => {
  const found: string[] = [];
  const upper = remembered((word) => {
    found.push(word);
    return word.toUpperCase();
  }, 2);
  expect(['a', 'b', 'a', 'b'].map(upper)).toEqual(['A', 'B', 'A', 'B']);
  expect(found).toEqual(['a', 'b']);
  upper('c');
  expect(upper('a')).toBe('A');
  expect(found).toEqual(['a', 'b', 'c', 'a']);
});
