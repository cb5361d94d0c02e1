import fc from 'fast-check';
import { expect, test } from 'vitest';
import { quartersOf } from './tile-plan.js';

test('quarters come in reading order, and the later ones take the odd pixel', () => {
  expect(quartersOf(641, 480)).toEqual([
    { left: 0, top: 0, width: 320, height: 240 },
    { left: 320, top: 0, width: 321, height: 240 },
    { left: 0, top: 240, width: 320, height: 240 },
    { left: 320, top: 240, width: 321, height: 240 },
  ]);
  expect(quartersOf(3, 5).map(({ width, height }) => [width, height])).toEqual([[1, 2], [2, 2], [1, 3], [2, 3]]); // prettier-ignore
});

test('a picture with a side of one pixel has none', () => {
  for (const [width, height] of [[1, 1], [1, 900], [900, 1]] as const) expect(quartersOf(width, height)).toEqual([]); // prettier-ignore
  expect(quartersOf(2, 2)).toHaveLength(4);
});

test('quarters cover every pixel once', () => {
  const side = fc.integer({ min: 2, max: 20_000 });
  fc.assert(
    fc.property(side, side, (width, height) => {
      const tiles = quartersOf(width, height);
      const [first, second, third, fourth] = tiles as [(typeof tiles)[0], ...typeof tiles];
      expect(tiles.reduce((sum, tile) => sum + tile.width * tile.height, 0)).toBe(width * height);
      expect([first.left, first.top, fourth!.left + fourth!.width, fourth!.top + fourth!.height]).toEqual([0, 0, width, height]); // prettier-ignore
      expect([second!.left, third!.top]).toEqual([first.width, first.height]);
      expect(tiles.every((tile) => tile.width >= 1 && tile.height >= 1)).toBe(true);
    }),
  );
});
