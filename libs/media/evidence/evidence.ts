import sharp, { type Sharp } from 'sharp';
import { TesseraError } from '#contracts';
import { runFfmpeg } from '../ffmpeg.js';
import { decodeFrames } from '../frames.js';
import { DEFAULT_LIMITS, PICTURE_SECONDS, type MediaLimits } from '../limits.js';
import { corrupt, probePicture, readable } from '../picture.js';
import type { MediumFacts } from '../probe.js';
import { clipPlan } from './clip-plan.js';

export interface EvidenceOptions {
  facts: Pick<MediumFacts, 'kind' | 'duration' | 'tracks' | 'width' | 'height'>;
  limits?: Partial<MediaLimits>;
  threads?: number;
  signal?: AbortSignal;
}

/** Seconds of the longest clip. */
export const MAX_CLIP_SECONDS = 120;
/** Longer side of a still. */
export const STILL_PIXELS = 640;

/**
 * Part of a film or recording as MP4, for showing what an answer rests on.
 * @throws TesseraError unsupported_media, invalid_request, corrupt_media, tool_missing, timeout, cancelled
 */
export async function* cutClip(
  file: string,
  { start, end, ...options }: EvidenceOptions & { start: number; end: number },
): AsyncGenerator<Buffer> {
  const { facts, signal, threads = 2 } = options;
  const [video, audio] = (['video', 'audio'] as const).map((kind) => facts.tracks.some((track) => track.kind === kind));
  if (!video && !audio) throw new TesseraError('unsupported_media', 'Only films and recordings have clips.');
  const until = Math.min(end, facts.duration ?? end);
  if (until <= start)
    throw new TesseraError('invalid_request', `The clip would end before it starts, at ${start} s.`, {
      param: 'start',
    });
  if (until - start > MAX_CLIP_SECONDS)
    throw new TesseraError('invalid_request', `A clip is at most ${MAX_CLIP_SECONDS} s long.`, { param: 'end' });
  const run = runFfmpeg(clipPlan({ file, start, end: until, video: video ?? false, audio: audio ?? false, threads }), {
    timeoutMs: { ...DEFAULT_LIMITS, ...options.limits }.timeoutMs,
    ...(signal ? { signal } : {}),
  });
  let bytes = 0;
  for await (const chunk of run.stdout) {
    bytes += chunk.length;
    // Whoever stores or sends a clip holds several pieces at once.
    yield Buffer.from(chunk);
  }
  if (bytes === 0)
    throw new TesseraError('corrupt_media', `No clip could be made: ${run.failure() ?? 'nothing is there'}.`);
}

/**
 * A picture, or a film's frame at a time, as JPEG of at most STILL_PIXELS.
 * @throws TesseraError unsupported_media, invalid_request, corrupt_media, too_many_pixels, tool_missing, cancelled
 */
export async function still(file: string, { at, ...options }: EvidenceOptions & { at?: number }): Promise<Buffer> {
  const { facts, limits, signal } = options;
  if (facts.kind === 'image') {
    const { mimeType } = await probePicture(file, limits);
    const source = await readable(file, mimeType, { limits: { ...DEFAULT_LIMITS, ...limits }, signal });
    const picture = sharp(source, {
      failOn: 'truncated',
      limitInputPixels: { ...DEFAULT_LIMITS, ...limits }.maxPixels,
    }).timeout({ seconds: PICTURE_SECONDS });
    return jpeg(picture.autoOrient().flatten({ background: '#ffffff' }), STILL_PIXELS, STILL_PIXELS);
  }
  if (facts.kind !== 'video')
    throw new TesseraError('unsupported_media', 'Only pictures and films have frames to show.');
  const time = at ?? 0;
  if (facts.duration !== undefined && time > facts.duration)
    throw new TesseraError('invalid_request', `The film ends at ${facts.duration.toFixed(1)} s.`, { param: 't' });
  const { width = STILL_PIXELS, height = STILL_PIXELS } = facts;
  const scale = Math.min(1, STILL_PIXELS / Math.max(width, height));
  const request = {
    facts,
    size: STILL_PIXELS,
    times: [time],
    ...(limits ? { limits } : {}),
    ...(signal ? { signal } : {}),
  };
  for await (const { rgb } of decodeFrames(file, request)) {
    const raw = { width: STILL_PIXELS, height: STILL_PIXELS, channels: 3 as const };
    return jpeg(sharp(rgb, { raw }), Math.round(width * scale), Math.round(height * scale), 'fill');
  }
  throw new TesseraError('corrupt_media', `There is no frame at ${time} s.`);
}

function jpeg(picture: Sharp, width: number, height: number, fit: 'inside' | 'fill' = 'inside'): Promise<Buffer> {
  const size = { width: Math.max(1, width), height: Math.max(1, height), fit, withoutEnlargement: fit === 'inside' };
  return picture
    .resize(size)
    .jpeg({ quality: 80 })
    .toBuffer()
    .catch((error: unknown) => {
      throw corrupt(error);
    });
}
