import sharp from 'sharp';
import { TesseraError } from '#contracts';
import { release } from '#runtime';
import { decodeGreyFrame, type ShownFrame } from '../../frames.js';
import { DEFAULT_LIMITS, PICTURE_SECONDS, type MediaLimits } from '../../limits.js';
import { probePicture, readable } from '../../picture.js';
import type { MediumFacts } from '../../probe.js';
import { textLikelihood } from './text-likelihood.js';
import type { GreyPicture, PictureText, TextRecognizer } from './text-recognizer.js';

/**
 * From here on a picture is worth recognising: 23 of 300 photographs reach it, about 10 of them with writing (docs/documents.md),
 * and so do pages, slides and captions in pictures.
 */
export const PRINT_FROM = 0.006;
/** Longer side at which the likelihood is looked for. */
const LOOK_PIXELS = 640;
/** Longer side that is recognised: more costs time and finds no more. */
const READ_PIXELS = 1600;
/** A smaller picture is enlarged: letters need 20 pixels. */
const ENLARGE_BELOW = 800;

const NOTHING: PictureText = { text: '', paragraphs: [], boxes: [] };

export interface PictureTextOptions {
  recognizer: TextRecognizer;
  limits?: Partial<MediaLimits>;
  signal?: AbortSignal;
}

/**
 * The text in a picture, upright, with boxes in its own pixels; empty when it does not look like print.
 * @throws TesseraError too_many_pixels, corrupt_media, cancelled, timeout, model_failed
 */
export async function readPictureText(source: string | Uint8Array, options: PictureTextOptions): Promise<PictureText> {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const { mimeType, width, height } = await probePicture(source, limits);
  const picture = await readable(source, mimeType, { limits, signal: options.signal });
  const longer = Math.max(width, height);
  const look = Math.min(1, LOOK_PIXELS / longer);
  if (textLikelihood(await greyOf(picture, width, height, look, limits)) < PRINT_FROM) return NOTHING;
  if (options.signal?.aborted) throw new TesseraError('cancelled', 'Reading the text of a picture was cancelled.');
  const scale = longer < ENLARGE_BELOW ? 2 : Math.min(1, READ_PIXELS / longer);
  return inPixels(await recognize(await greyOf(picture, width, height, scale, limits), options), scale);
}

/** The text of a drawn page of a document, where the least sign of print is worth a look; empty for a blank page. */
export async function readPageText(page: GreyPicture, options: PictureTextOptions): Promise<PictureText> {
  const { grey, width, height } = page;
  const scale = Math.min(1, LOOK_PIXELS / Math.max(width, height));
  const look = await sharp(grey, { raw: { width, height, channels: 1 } })
    .resize(Math.round(width * scale), Math.round(height * scale), { fit: 'fill' })
    .greyscale()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const small = { grey: look.data, width: look.info.width, height: look.info.height };
  return textLikelihood(small) === 0 ? NOTHING : recognize(page, options);
}

/** Pixels of the longer side of a frame that is read. */
const FRAME_PIXELS = 1280;

/** The text on a video's frames, as `decodeFrames` chose them. Which are worth it is asked before: PrintWatch. */
export async function* readFrameTexts(
  file: string,
  frames: Iterable<ShownFrame> | AsyncIterable<ShownFrame>,
  options: PictureTextOptions & { facts: Pick<MediumFacts, 'duration' | 'tracks' | 'width' | 'height'> },
): AsyncGenerator<{ time: number; text: PictureText }> {
  const { width = FRAME_PIXELS, height = FRAME_PIXELS } = options.facts;
  const scale = Math.min(1, FRAME_PIXELS / Math.max(width, height));
  // A frame is looked up on one core while the one before is read on another.
  for await (const { time, picture } of oneAhead(greyFrames(file, frames, scale, options))) {
    const text = await recognize(picture, options);
    release([picture.grey.buffer]);
    yield { time, text: inPixels(text, scale) };
  }
}

async function* greyFrames(
  file: string,
  frames: Iterable<ShownFrame> | AsyncIterable<ShownFrame>,
  scale: number,
  { facts, limits, signal }: Parameters<typeof readFrameTexts>[2],
): AsyncGenerator<{ time: number; picture: GreyPicture }> {
  const { width: w = FRAME_PIXELS, height: h = FRAME_PIXELS } = facts;
  const [width, height] = [Math.max(1, Math.round(w * scale)), Math.max(1, Math.round(h * scale))];
  const request = { facts, width, height, ...(limits ? { limits } : {}), ...(signal ? { signal } : {}) };
  for await (const frame of frames) {
    const found = await decodeGreyFrame(file, frame, request);
    if (found) yield { time: frame.time, picture: { grey: found.grey, width, height } };
  }
}

/** The same items; each is begun when the one before it is handed on. */
async function* oneAhead<T>(items: AsyncGenerator<T>): AsyncGenerator<T> {
  try {
    for (let next = items.next(); ;) {
      const item = await next;
      if (item.done) return;
      next = items.next();
      // An error is told when its turn comes.
      next.catch(() => undefined);
      yield item.value;
    }
  } finally {
    await items.return(undefined).catch(() => undefined);
  }
}

function recognize(picture: GreyPicture, { recognizer, signal }: PictureTextOptions): Promise<PictureText> {
  return recognizer.read(picture, signal ? { signal } : {});
}

async function greyOf(
  source: string | Uint8Array,
  width: number,
  height: number,
  scale: number,
  limits: MediaLimits,
): Promise<GreyPicture> {
  const [w, h] = [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
  const grey = await sharp(source, { limitInputPixels: limits.maxPixels, sequentialRead: true })
    .timeout({ seconds: PICTURE_SECONDS })
    .autoOrient()
    .flatten({ background: '#ffffff' })
    .resize(w, h, { fit: 'fill' })
    .greyscale()
    .raw()
    .toBuffer()
    .catch((error: unknown) => {
      throw new TesseraError('corrupt_media', 'The picture is damaged and cannot be decoded.', { cause: error });
    });
  return { grey: new Uint8Array(grey.buffer, grey.byteOffset, grey.byteLength), width: w, height: h };
}

function inPixels({ boxes, ...text }: PictureText, scale: number): PictureText {
  const at = (value: number): number => Math.round(value / scale);
  return {
    ...text,
    boxes: boxes.map((box) => ({
      ...box,
      left: at(box.left),
      top: at(box.top),
      width: at(box.width),
      height: at(box.height),
    })),
  };
}
