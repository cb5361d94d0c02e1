import sharp from 'sharp';
import { expect, test } from 'vitest';
import { PrintWatch } from './print-watch.js';

const SIZE = 256;

/** A slide with lines, somebody at `x` in a camera's picture in its corner, and a little noise. */
async function frame(lines: readonly string[], x = 0, noise = 0): Promise<Uint8Array> {
  const text = lines.map((line, i) => `<text x="80" y="${160 + i * 110}" font-size="56">${line}</text>`).join('');
  const speaker = `<rect x="960" y="480" width="300" height="220" fill="#7a6a5a"/><circle cx="${1080 + x}" cy="580" r="60" fill="#d8b090"/>`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="1280" height="720" font-family="sans-serif"><rect width="1280" height="720" fill="#fff"/>${text}${speaker}</svg>`;
  const rgb = await sharp(Buffer.from(svg)).removeAlpha().resize(SIZE, SIZE, { fit: 'fill' }).raw().toBuffer();
  return Uint8Array.from(rgb, (value, i) => Math.max(0, Math.min(255, value + ((i * 7919) % (2 * noise + 1)) - noise)));
}

async function looks(frames: Promise<Uint8Array>[]): Promise<boolean[]> {
  const watch = new PrintWatch();
  return (await Promise.all(frames)).map((rgb) => watch.look(rgb, SIZE, SIZE).isNew);
}

const A = ['Results of the year', 'Revenue: 1,400'];
const moves = [0, 12, -10, 30, 5, -25, 18, 2];

test('a slide beside which somebody moves is new until that is known, and then no more', async () => {
  const found = await looks(moves.map((x, i) => frame(A, x, 1 + (i % 3))));
  expect(found[0]).toBe(true);
  expect(found.slice(4)).toEqual([false, false, false, false]);
});

test('a still slide is new once', async () => {
  expect(await looks([frame(A), frame(A, 0, 3), frame(A, 0, 2)])).toEqual([true, false, false]);
});

test.each([
  ['another slide', ['The plan of the year', 'Costs: 900']],
  ['one more line', [...A, 'Staff: 42']],
  ['one short word more', [...A, 'Yes']],
  ['one digit', [A[0]!, 'Revenue: 1,900']],
])('%s is new, also while somebody moves', async (_what, lines) => {
  const before = moves.map((x) => frame(A, x));
  const found = await looks([...before, frame(lines, 7), ...moves.map((x) => frame(lines, x + 3))]);
  expect(found[before.length]).toBe(true);
  expect(found.slice(-3)).toEqual([false, false, false]);
});

test('slides that are turned over one after the other are each new', async () => {
  const B = ['The plan of the year', 'Costs: 900'];
  expect(await looks([A, B, A, B, A].map((lines) => frame(lines)))).toEqual([true, true, true, true, true]);
});
