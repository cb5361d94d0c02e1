import sharp, { type Sharp } from 'sharp';
import { expect, it } from 'vitest';
import { decodeImage, decodeTiles } from '#media';

const SIZE = 64;
const COLOURS = ['#ff0000', '#00ff00', '#0000ff', '#ffff00'];

/** A picture whose quarters have the four colours in reading order. */
async function quarters(width: number, height: number): Promise<Sharp> {
  const [x, y] = [Math.floor(width / 2), Math.floor(height / 2)];
  const [right, bottom] = [width - x, height - y];
  const rect = ([left, top, w, h]: number[], k: number) => `<rect x="${left}" y="${top}" width="${w}" height="${h}" fill="${COLOURS[k]}"/>`; // prettier-ignore
  const parts = [[0, 0, x, y], [x, 0, right, y], [0, y, x, bottom], [x, y, right, bottom]].map(rect); // prettier-ignore
  return sharp(Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" shape-rendering="crispEdges">${parts.join('')}</svg>`)).removeAlpha(); // prettier-ignore
}

const colourOf = (rgb: Uint8Array): string => `#${[0, 1, 2].map((c) => Math.round(rgb.reduce((sum, value, i) => (i % 3 === c ? sum + value : sum), 0) / (SIZE * SIZE)).toString(16).padStart(2, '0')).join('')}`; // prettier-ignore
const tilesOf = async (source: Buffer) => (await decodeTiles(source, { size: SIZE })).map(({ rgb }) => colourOf(rgb));

it.each([[64, 64], [101, 75], [3, 2], [2, 2]])('cuts %i × %i at its middle, not a pixel beside it', async (width, height) => {
  expect(await tilesOf(await (await quarters(width, height)).png().toBuffer())).toEqual(COLOURS);
}); // prettier-ignore

it('turns a picture upright before it cuts it, a large one too, which is read for each tile', async () => {
  for (const side of [640, 5001]) {
    // A quarter turn to the left, which the orientation undoes.
    const turned = (await quarters(side, side - 1)).rotate(270).withMetadata({ orientation: 6 });
    const source = await turned.png({ compressionLevel: 1 }).toBuffer();
    expect(await tilesOf(source)).toEqual(COLOURS);
  }
});

it('draws an SVG before it cuts it', async () => {
  const rects = COLOURS.map((fill, k) => `<rect x="${(k % 2) * 32}" y="${(k >> 1) * 32}" width="32" height="32" fill="${fill}"/>`); // prettier-ignore
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64">${rects.join('')}</svg>`;
  expect(await tilesOf(Buffer.from(svg))).toEqual(COLOURS);
});

it('lays transparency on white, and gives what the quarter alone gives', async () => {
  const noise = { type: 'gaussian' as const, mean: 128, sigma: 60 };
  const whole = sharp({ create: { width: 301, height: 203, channels: 3, background: 'grey', noise } }).ensureAlpha(0.4);
  const source = await whole.png().toBuffer();
  const alone = await sharp(source).extract({ left: 150, top: 0, width: 151, height: 101 }).png().toBuffer();
  const [, second] = await decodeTiles(source, { size: SIZE });
  expect(second?.rgb).toEqual((await decodeImage(alone, { size: SIZE })).rgb);
});

it('gives none of a picture with a side of one pixel', async () => {
  for (const [width, height] of [[1, 1], [1, 40], [40, 1]] as const) {
    const source = await sharp({ create: { width, height, channels: 3, background: 'red' } }).png().toBuffer(); // prettier-ignore
    expect(await decodeTiles(source, { size: SIZE })).toEqual([]);
  }
}); // prettier-ignore

it('says what is wrong with a picture, and stops when told', async () => {
  const source = await (await quarters(640, 480)).jpeg().toBuffer();
  await expect(decodeTiles(source.subarray(0, 900), { size: SIZE })).rejects.toMatchObject({ code: 'corrupt_media' });
  const signal = AbortSignal.abort();
  await expect(decodeTiles(source, { size: SIZE, signal })).rejects.toMatchObject({ code: 'cancelled' });
});
