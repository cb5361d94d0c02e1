import { expect, test } from 'vitest';
import { pagesKept } from './pages-kept.js';

test('pages of films take a tenth of the files at most; others have the bound of the decoder', () => {
  const note = { kind: 'text' as const, bytes: 500 };
  expect(pagesKept([{ kind: 'video', bytes: 1e9 }])).toBe(1e8);
  expect(pagesKept([{ kind: 'video', bytes: 1005 }, note])).toBe(150);
  expect(pagesKept([note, { kind: 'audio', bytes: 1000 }])).toBe(Infinity);
});
