import { expect, test } from 'vitest';
import { formatSize, parseSize } from './size.js';

test.each([
  ['512', 512],
  ['4GiB', 4 * 2 ** 30],
  ['500MB', 5e8],
  ['1.5 KiB', 1536],
  ['2 gb', 2e9],
])('%s is %d bytes', (text, bytes) => expect(parseSize(text)).toBe(bytes));

test.each(['', 'GiB', '-1', '4 GiBs', '1e3', '0x10', 'NaN', '99999999TiB'])('"%s" is not a size', (text) =>
  expect(parseSize(text)).toBeUndefined(),
);

test('sizes read well', () =>
  expect([900, 1536, 2 ** 30, 0].map(formatSize)).toEqual(['900 B', '1.5 KiB', '1 GiB', '0 B']));
