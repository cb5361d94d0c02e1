import sharp, { type Sharp } from 'sharp';
import { PICTURE_SECONDS } from './limits.js';
import { decoding, openPicture, resized, throwIfAborted, type ImageOptions, type RgbPicture } from './picture.js';
import { quartersOf } from './tile-plan.js';

/** Up to so many pixels a picture is decoded once and held (75 MB); a larger one is decoded for each tile, which holds none of it. */
const HELD_PIXELS = 25_000_000;

/**
 * The quarters of a picture (`quartersOf`), each cut out of its own pixels and then resized as `decodeImage` resizes the whole.
 * None of a picture with a side of one pixel.
 * @throws TesseraError too_many_pixels, corrupt_media, cancelled
 */
export async function decodeTiles(source: string | Uint8Array, options: ImageOptions): Promise<RgbPicture[]> {
  const { size, signal } = options;
  const opened = await openPicture(source, options);
  return decoding(signal, async () => {
    const { open, width, height } = opened.width * opened.height > HELD_PIXELS ? opened : await held(opened.open());
    const tiles: RgbPicture[] = [];
    for (const tile of quartersOf(width, height)) {
      throwIfAborted(signal);
      tiles.push(await resized(open().extract(tile), size));
    }
    return tiles;
  });
}

/** The pixels themselves, and their sides: an SVG is drawn larger than its header says. */
async function held(picture: Sharp): ReturnType<typeof openPicture> {
  const { data, info } = await picture.removeAlpha().raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
  const { width, height } = info;
  const raw = { width, height, channels: 3 } as const;
  const open = (): Sharp => sharp(data, { raw, limitInputPixels: false }).timeout({ seconds: PICTURE_SECONDS });
  return { open, width, height };
}
