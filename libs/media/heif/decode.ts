import { open, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { TesseraError } from '#contracts';
import { makeTempFolder } from '#platform';
import { runFfmpeg } from '../ffmpeg.js';
import { tilesPlan } from '../ffmpeg-plan.js';
import type { MediaLimits } from '../limits.js';
import { readHeic, type Heic } from './heic.js';

/** A photograph of 100 megapixels has some 20 MB. */
const MAX_BYTES = 128 * 1024 ** 2;
/** Bytes in which the brand of a file is. */
const HEAD_BYTES = 64;

/** HEIF by its first bytes, with pictures in HEVC and not in AV1. */
export function isHeic(head: Uint8Array): boolean {
  const text = Buffer.from(head.subarray(0, HEAD_BYTES)).toString('latin1');
  return /^....ftyp(hei[cxms]|mif1)/s.test(text) && !text.includes('avif');
}

export async function isHeicSource(source: string | Uint8Array): Promise<boolean> {
  if (typeof source !== 'string') return isHeic(source);
  await using handle = await open(source);
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
  return isHeic(buffer.subarray(0, bytesRead));
}

/** Its size in pixels, upright. @throws TesseraError corrupt_media, file_too_large */
export async function probeHeic(source: string | Uint8Array): Promise<{ width: number; height: number }> {
  const { width, height, turns } = headerOf(await bytesOf(source));
  return turns % 2 === 0 ? { width, height } : { width: height, height: width };
}

/**
 * A HEIC picture, upright, as uncompressed TIFF, which sharp reads: sharp's own library has no HEVC, whose patents are in force, so the
 * user's ffmpeg decodes it, in a process that can be killed.
 * @throws TesseraError corrupt_media, file_too_large, tool_missing, timeout, cancelled
 */
export async function decodeHeic(
  source: string | Uint8Array,
  { limits, signal }: { limits: MediaLimits; signal?: AbortSignal | undefined },
): Promise<Uint8Array> {
  const heic = headerOf(await bytesOf(source));
  const folder = await makeTempFolder('heic');
  try {
    const file = join(folder, 'tiles.hevc');
    await writeFile(
      file,
      damaged(() => heic.stream()),
    );
    const run = runFfmpeg(tilesPlan(file), { timeoutMs: limits.timeoutMs, ...(signal ? { signal } : {}) });
    return await upright(heic, await picture(heic, run.stdout));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The tiles, as they come, in their places: packed RGB [height, width, 3]. */
async function picture(heic: Heic, tiles: AsyncIterable<Buffer>): Promise<Uint8Array> {
  const { width, height, columns, rows, tileWidth, tileHeight } = heic;
  const rgb = new Uint8Array(width * height * 3);
  const expected = columns * rows * tileHeight;
  const line = Buffer.alloc(tileWidth * 3);
  let [filled, lines] = [0, 0];
  for await (const chunk of tiles)
    for (let at = 0; at < chunk.length;) {
      const taken = chunk.copy(line, filled, at, at + line.length - filled);
      at += taken;
      filled += taken;
      if (filled < line.length) continue;
      filled = 0;
      const tile = Math.floor(lines / tileHeight);
      const [x, y] = [(tile % columns) * tileWidth, Math.floor(tile / columns) * tileHeight + (lines % tileHeight)];
      if (x < width && y < height && lines < expected)
        rgb.set(line.subarray(0, 3 * Math.min(tileWidth, width - x)), 3 * (y * width + x));
      lines++;
    }
  if (lines !== expected) throw new TesseraError('corrupt_media', 'The picture is damaged: not all of it could be decoded.'); // prettier-ignore
  return rgb;
}

async function upright({ width, height, turns, mirror }: Heic, rgb: Uint8Array): Promise<Uint8Array> {
  const turned = await sharp(rgb, { raw: { width, height, channels: 3 } })
    .rotate((360 - 90 * turns) % 360)
    .raw()
    .toBuffer({ resolveWithObject: true });
  const picture = sharp(turned.data, { raw: { width: turned.info.width, height: turned.info.height, channels: 3 } });
  const seen = mirror === 'none' ? picture : mirror === 'vertical' ? picture.flop() : picture.flip();
  return seen.tiff({ compression: 'none' }).toBuffer();
}

async function bytesOf(source: string | Uint8Array): Promise<Uint8Array> {
  if (typeof source !== 'string') return source;
  await using handle = await open(source);
  if ((await handle.stat()).size > MAX_BYTES)
    throw new TesseraError('file_too_large', `HEIC pictures are read up to ${MAX_BYTES >> 20} MiB.`);
  return handle.readFile();
}

const headerOf = (bytes: Uint8Array): Heic => damaged(() => readHeic(bytes));

function damaged<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new TesseraError('corrupt_media', `The HEIC picture cannot be decoded: ${reason}.`, { cause: error });
  }
}
