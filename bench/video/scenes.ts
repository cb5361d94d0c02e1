import sharp from 'sharp';
import { Random } from '../eval/mosaic/random.js';

const [WIDTH, HEIGHT] = [1600, 900];
/** Columns of noise and how far it reaches from the middle grey: amplitude falls with frequency, as in photographs. */
const OCTAVES: readonly [columns: number, amplitude: number][] = [[4, 90], [9, 60], [20, 40], [50, 26], [120, 16], [300, 10], [800, 6]]; // prettier-ignore

/**
 * A picture that costs a video codec what a camera's costs: noise of many octaves, as natural pictures have. Flat drawings compress to
 * nothing, and what is measured beside them says nothing about films.
 */
export async function scenery(file: string, seed: number): Promise<void> {
  const random = new Random(seed);
  const sum = new Float32Array(WIDTH * HEIGHT * 3).fill(128);
  for (const [columns, amplitude] of OCTAVES) {
    const rows = Math.ceil((columns * HEIGHT) / WIDTH);
    const noise = Buffer.from(Uint8Array.from({ length: columns * rows * 3 }, () => 256 * random.next()));
    const large = await sharp(noise, { raw: { width: columns, height: rows, channels: 3 } })
      .resize(WIDTH, HEIGHT, { fit: 'fill', kernel: 'cubic' })
      .raw()
      .toBuffer();
    for (let i = 0; i < sum.length; i++) sum[i]! += (((large[i] as number) - 128) / 128) * amplitude;
  }
  await sharp(Uint8ClampedArray.from(sum), { raw: { width: WIDTH, height: HEIGHT, channels: 3 } })
    .png({ compressionLevel: 1 })
    .toFile(file);
}

/** A slide with three lines. */
export async function slide(file: string, [title, ...lines]: readonly string[]): Promise<void> {
  const text = lines.map((line, at) => `<text x="100" y="${300 + 120 * at}" font-size="48">${line}</text>`).join('');
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="1280" height="720" font-family="sans-serif" fill="#1b2a41">
    <rect width="1280" height="720" fill="#fafafa"/><text x="100" y="180" font-size="72">${title}</text>${text}</svg>`;
  await sharp(Buffer.from(svg)).png().toFile(file);
}
