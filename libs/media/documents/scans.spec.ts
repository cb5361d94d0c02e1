import { expect, test } from 'vitest';
import { fullerPages } from './scans.js';

test('a page that was both printed and read appears once, where it says more', () => {
  const layer = [
    { text: 'Title', page: 1 },
    { text: 'A page of print.', page: 2 },
  ];
  const scanned = [
    { text: 'Titie', page: 1 },
    { text: 'A scanned page.', page: 3 },
  ];
  expect(fullerPages(layer, scanned)).toEqual([layer[0], layer[1], scanned[1]]);
  expect(fullerPages(layer, [{ text: 'Title and all of the scan', page: 1 }])[0]?.text).toBe(
    'Title and all of the scan',
  );
});
