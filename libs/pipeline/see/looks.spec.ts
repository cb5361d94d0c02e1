import { expect, test } from 'vitest';
import { lookOf } from './looks.js';

test('a look is the mean of the tokens, by its direction', () => {
  const tokens = Float32Array.of(1, 2, 3, -6, 0, 0, 0, 0, 0.1, 0, 0.1, 0);
  expect([...lookOf(tokens, 2, 2)]).toEqual([127, -127, 0, 0, 127, 0]);
});
