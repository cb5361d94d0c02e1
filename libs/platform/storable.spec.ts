import { describe, expect, test } from 'vitest';
import { storable, storableJson } from './storable.js';

describe('what PostgreSQL can store', () => {
  test.each([
    ['a zero character', 'a\0b', 'a\ufffdb'],
    ['half a character', 'a\ud800b\udfff', 'a\ufffdb\ufffd'],
    ['a whole character', '😀 \n "x"', '😀 \n "x"'],
    ['text about escapes', 'write \\u0000 and \\\\ud800', 'write \\u0000 and \\\\ud800'],
    ['text about escapes before a zero character', '\\\0', '\\\ufffd'],
  ])('%s', (_title, text, stored) => {
    expect(JSON.parse(storableJson({ text }))).toEqual({ text: stored });
    expect(storable({ text })).toEqual({ text: stored });
  });

  test('what needs no change is not copied', () => {
    const value = { text: 'plain', list: [1, null] };
    expect(storable(value)).toBe(value);
    expect(storable(undefined)).toBeUndefined();
  });
});
