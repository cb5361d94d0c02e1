import { expect, test } from 'vitest';
import { lookedUntil } from './looked-until.js';

test('the last frame is seen up to the end of the range, or of the medium', () => {
  expect(lookedUntil({ end: 18 }, { duration: 60 })).toBe(18);
  expect(lookedUntil({ end: 90 }, { duration: 60 })).toBe(60);
  expect(lookedUntil({}, { duration: 60 })).toBe(60);
  expect(lookedUntil({ end: 18 }, {})).toBe(18);
  expect(lookedUntil({}, {})).toBeUndefined();
});
