import { expect, test } from 'vitest';
import { boxAround, boxOn } from './box.js';

test('edges become shares of what they lie on, cut at its borders', () => {
  const box = { left: 0.1, top: 0.25, width: 0.2, height: 0.05 };
  expect(boxOn({ left: 60, top: 100, right: 180, bottom: 120 }, { width: 600, height: 400 })).toEqual(box);
  expect(boxOn({ left: -5, top: 0, right: 700, bottom: 401 }, { width: 600, height: 400 })).toEqual({
    left: 0,
    top: 0,
    width: 1,
    height: 1,
  });
});

test('several boxes are held by one', () => {
  const boxes = [
    { left: 0.1, top: 0.1, width: 0.2, height: 0.1 },
    { left: 0.05, top: 0.3, width: 0.6, height: 0.1 },
  ];
  expect(boxAround(boxes)).toEqual({ left: 0.05, top: 0.1, width: 0.6, height: 0.3 });
  expect(boxAround([])).toBeUndefined();
});
