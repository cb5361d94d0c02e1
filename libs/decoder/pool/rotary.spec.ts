import { expect, it } from 'vitest';
import { rotaryTable } from './rotary.js';

it('turns by the divided frequencies of a file that scales them', () => {
  const shape = { positions: 8, headDim: 4, theta: 10_000, pairs: 'halves' } as const;
  const plain = rotaryTable(shape);
  const divided = rotaryTable({ ...shape, divisors: Float32Array.of(1, 2) });
  const phase = ({ cos, sin }: typeof plain, position: number, pair: number) => [
    cos[position * 2 + pair],
    sin[position * 2 + pair],
  ];
  expect(phase(divided, 6, 0)).toEqual(phase(plain, 6, 0));
  expect(phase(divided, 6, 1)).toEqual(phase(plain, 3, 1));
});
