import sharp, { type Sharp } from 'sharp';
import { TesseraError } from '#contracts';
import { decodeHeic, isHeicSource, probeHeic } from './heif/decode.js';
import { DEFAULT_LIMITS, PICTURE_SECONDS, type MediaLimits } from './limits.js';

// Every picture is decoded once: what libvips would keep of it is of no use, and up to 50 MB.
sharp.cache(false);

export interface PictureFacts {
  mimeType: string;
  /** Pixels after the EXIF orientation is applied. */
  width: number;
  height: number;
  /** More than one: it moves. */
  frames: number;
}

/** Packed 8-bit sRGB, row-major [height, width, 3]. */
export interface RgbPicture {
  rgb: Uint8Array;
  width: number;
  height: number;
}

export interface ImageOptions {
  /** Width and height of the result; the aspect is not kept. */
  size: number;
  limits?: Partial<MediaLimits>;
  signal?: AbortSignal;
}

const HEIC = 'image/heic';
const MIME: Record<string, string> = { svg: 'image/svg+xml', heif: 'image/avif' };

/** SVG has no pixels of its own: its longer side is drawn at least this large before it is resized. */
const SVG_PIXELS = 512;

/** Reads the header only. @throws TesseraError too_many_pixels, corrupt_media */
export async function probePicture(
  source: string | Uint8Array,
  limits: Partial<MediaLimits> = {},
): Promise<PictureFacts> {
  const { maxPixels } = { ...DEFAULT_LIMITS, ...limits };
  if (await isHeicSource(source)) {
    const size = await probeHeic(source);
    requirePixels(size.width, size.height, maxPixels);
    return { mimeType: HEIC, ...size, frames: 1 };
  }
  const header = await sharp(source, { limitInputPixels: false })
    .metadata()
    .catch((error: unknown) => {
      throw corrupt(error);
    });
  const width = header.autoOrient?.width ?? header.width;
  const height = header.autoOrient?.height ?? header.height;
  requirePixels(width, height, maxPixels);
  // Pages of a TIFF are no frames.
  const frames = header.delay === undefined ? 1 : (header.pages ?? 1);
  return { mimeType: MIME[header.format] ?? `image/${header.format}`, width, height, frames };
}

/**
 * What sharp is to read for a picture: the picture itself, or a copy of it in a form that it knows.
 * @throws TesseraError corrupt_media, file_too_large, tool_missing, timeout, cancelled
 */
export async function readable(
  source: string | Uint8Array,
  mimeType: string,
  options: { limits: MediaLimits; signal?: AbortSignal | undefined },
): Promise<string | Uint8Array> {
  return mimeType === HEIC ? decodeHeic(source, options) : source;
}

/**
 * Any picture as sRGB, upright, its transparency on white, the first frame of an animation, resized by
 * Catmull-Rom bicubic with antialiasing (Pillow's BICUBIC to within 0.2 of 255 on photographs).
 * @throws TesseraError too_many_pixels, corrupt_media, cancelled
 */
export async function decodeImage(source: string | Uint8Array, options: ImageOptions): Promise<RgbPicture> {
  const { size, signal } = options;
  const { open } = await openPicture(source, options);
  return decoding(signal, async () => resized(open(), size));
}

/** A picture of which the header was read. `open` begins to read its pixels: upright, on white, sRGB. Sides are those of the header. */
export async function openPicture(
  source: string | Uint8Array,
  { limits: given, signal }: Pick<ImageOptions, 'limits' | 'signal'>,
): Promise<{ open: () => Sharp; width: number; height: number }> {
  const limits = { ...DEFAULT_LIMITS, ...given };
  const { mimeType, width, height } = await probePicture(source, limits);
  throwIfAborted(signal);
  const density = Math.min(2400, Math.max(72, (72 * SVG_PIXELS) / Math.max(width, height)));
  const input = await decoding(signal, () => readable(source, mimeType, { limits, signal }));
  const open = (): Sharp =>
    sharp(input, {
      limitInputPixels: limits.maxPixels,
      failOn: 'truncated',
      sequentialRead: true,
      ...(mimeType === 'image/svg+xml' ? { density } : {}),
    })
      .timeout({ seconds: PICTURE_SECONDS })
      .autoOrient()
      .flatten({ background: '#ffffff' })
      .toColourspace('srgb');
  return { open, width, height };
}

/** Runs sharp; what it says of a damaged picture is the file's fault. @throws TesseraError corrupt_media, cancelled */
export async function decoding<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  try {
    const result = await work();
    throwIfAborted(signal);
    return result;
  } catch (error) {
    throw error instanceof TesseraError ? error : corrupt(error);
  }
}

/** Squeezed into a square of `size` pixels. */
export async function resized(picture: Sharp, size: number): Promise<RgbPicture> {
  const rgb = await picture
    .resize(size, size, { fit: 'fill', kernel: 'cubic' })
    .removeAlpha()
    .raw({ depth: 'uchar' })
    .toBuffer();
  return { rgb: new Uint8Array(rgb.buffer, rgb.byteOffset, rgb.byteLength), width: size, height: size };
}

/** @throws TesseraError too_many_pixels */
export function requirePixels(width: number, height: number, maxPixels: number): void {
  if (width * height > maxPixels)
    throw new TesseraError(
      'too_many_pixels',
      `The picture is ${width} × ${height} pixels; the limit is ${Math.floor(maxPixels / 1e6)} megapixels. Make it smaller.`,
    );
}

/** @throws TesseraError cancelled */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new TesseraError('cancelled', 'Reading the picture was cancelled.');
}

/** What a decoder says, without paths, as a fault of the file. */
export function corrupt(error: unknown): TesseraError {
  const reason = (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
  return new TesseraError(
    'corrupt_media',
    `The picture is damaged and cannot be decoded: ${reason.replace(/(\/\S+)+/g, '…')}`,
    {
      cause: error,
    },
  );
}
