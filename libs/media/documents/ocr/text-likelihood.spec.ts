import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { greyOfRgb } from './grey.js';
import { PRINT_FROM } from './picture-text.js';
import { textLikelihood } from './text-likelihood.js';

async function likelihood(drawing: string, size = 256): Promise<number> {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="1280" height="720" font-family="sans-serif">${drawing}</svg>`;
  const rgb = await sharp(Buffer.from(svg))
    .flatten()
    .resize(size, size, { fit: 'fill' })
    .removeAlpha()
    .raw()
    .toBuffer();
  return textLikelihood({ grey: greyOfRgb(rgb), width: size, height: size });
}

const text = (colour: string, size: number) =>
  ['Quarterly results and plans', 'Revenue grew by 14 percent', 'The office opens in May'].map((line, i) => `<text x="80" y="${160 + i * 2.4 * size}" fill="${colour}" font-size="${size}">${line}</text>`).join(''); // prettier-ignore

describe('textLikelihood', () => {
  it.each([
    ['dark on light', `<rect width="1280" height="720" fill="#fff"/>${text('#000', 48)}`],
    ['light on dark', `<rect width="1280" height="720" fill="#013"/>${text('#fff', 60)}`],
    ['small print', `<rect width="1280" height="720" fill="#eee"/>${text('#222', 32)}`],
  ])('finds a slide worth reading in a frame of 256 pixels: %s', async (_, drawing) => {
    expect(await likelihood(drawing)).toBeGreaterThan(PRINT_FROM);
  });

  it.each([
    ['a plain colour', '<rect width="1280" height="720" fill="#48a"/>'],
    [
      'stripes',
      Array.from({ length: 64 }, (_, i) => `<rect x="${i * 20}" width="10" height="720" fill="#fff"/>`).join(''),
    ],
    ['a disc', '<rect width="1280" height="720" fill="#fff"/><circle cx="600" cy="350" r="300" fill="#000"/>'],
  ])('finds nothing in %s', async (_, drawing) => {
    expect(await likelihood(drawing)).toBeLessThan(PRINT_FROM);
  });
});
