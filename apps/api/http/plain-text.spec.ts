import { describe, expect, test } from 'vitest';
import { plainName, unfitFor } from './plain-text.js';

const nested = (depth: number): unknown => JSON.parse('['.repeat(depth) + ']'.repeat(depth));

describe('what a request may hold', () => {
  test.each([
    ['text', { messages: [{ content: 'Grüße, 😀\n\t' }] }],
    ['no object', null],
    ['a schema of some depth', nested(90)],
  ])('%s', (_title, value) => expect(unfitFor(value)).toBeUndefined());

  test.each([
    ['a zero character', { a: [{ b: 'x\0' }] }, ['a', 0, 'b']],
    ['half a character', { a: '\ud800' }, ['a']],
    ['a name that is no text', { a: { 'x\0': 1 } }, ['a']],
    ['100,000 lists in each other', nested(100_000), Array(100).fill(0)],
  ])('not %s', (_title, value, path) => expect(unfitFor(value)?.path).toEqual(path));
});

test('names are one line of text', () => {
  expect(plainName('a\0b\r\n\ud800.png')).toBe('ab\ufffd.png');
  expect(plainName('x'.repeat(9999))).toHaveLength(255);
});
