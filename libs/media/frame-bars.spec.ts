import { expect, test } from 'vitest';
import { barsOf, withoutBars } from './frame-bars.js';

const SIZE = 64;

/** A grey frame that `dark` makes black at some pixels. */
function frame(dark: (x: number, y: number) => boolean, black = 6): Uint8Array {
  const rgb = new Uint8Array(SIZE * SIZE * 3);
  for (let i = 0; i < rgb.length; i++)
    rgb[i] = dark(Math.floor(i / 3) % SIZE, Math.floor(i / 3 / SIZE)) ? black : 60 + (i % 150);
  return rgb;
}

test('bars beside a picture, and above and below it', () => {
  expect(
    barsOf(
      frame((x) => x < 8 || x >= 56),
      SIZE,
    ),
  ).toEqual({ left: 8, right: 8, top: 0, bottom: 0 });
  expect(
    barsOf(
      frame((_, y) => y < 7 || y >= 56),
      SIZE,
    ),
  ).toEqual({ left: 0, right: 0, top: 7, bottom: 8 });
});

test('the codec may leave some noise in them', () => {
  const rgb = frame((x) => x < 8 || x >= 56);
  rgb[(5 * SIZE + 3) * 3] = 90;
  expect(barsOf(rgb, SIZE)).toMatchObject({ left: 8, right: 8 });
});

test.each([
  ['a picture that fills the frame', () => false],
  ['a scene that is dark on one side', (x: number) => x < 20],
  ['a night with a lamp', (x: number, y: number) => Math.hypot(x - 32, y - 32) > 6],
  ['a black frame', () => true],
  ['a thin border', (x: number) => x < 1 || x >= 63],
])('%s has none', async (_what, dark) => {
  const rgb = frame(dark);
  expect(barsOf(rgb, SIZE)).toBeUndefined();
  expect(await withoutBars(rgb, SIZE)).toBe(rgb);
});

test('what lies between them fills the frame', async () => {
  const found = await withoutBars(
    frame((x) => x < 16 || x >= 48),
    SIZE,
  );
  expect(found).toHaveLength(SIZE * SIZE * 3);
  expect(barsOf(found, SIZE)).toBeUndefined();
  expect(Math.min(...found)).toBeGreaterThan(40);
});
