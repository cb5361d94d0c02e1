import { expect, test } from 'vitest';
import { place } from './ask.js';

test.each([
  [10.7, 15.64, ' 0:10.7–0:15.6'],
  [59.97, 119.96, ' 1:00.0–2:00.0'],
  [3723.4, 3599.96, ' 1:02:03.4–1:00:00.0'],
])('the times of a citation are rounded before they are split: %s, %s', (start, end, expected) => {
  expect(place({ start, end, page: null })).toBe(expected);
});
