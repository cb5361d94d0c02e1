import { JOBS, type JobPayload, type JobResult, type Medium } from '#contracts';
import type { JobContext } from '#jobs';
import { decodeFrames, decodeImage, leavesNothingOut, PrintWatch, withoutBars, type ShownFrame } from '#media';
import { release } from '#runtime';
import { artifactKey } from '../artifact.js';
import { requiredChild, type Stage } from '../context.js';
import { cachedWithBlob, keepWithBlob } from '../derived.js';
import { readAlong } from '../read/frame-texts.js';
import { ShownPrint } from '../read/shown-print.js';
import { captionAlong } from './captions.js';
import { makeComparable } from './comparable.js';
import { halves } from './half-precision.js';
import { keepVisual } from './visual-tokens.js';

type Seen = JobResult<'media.see'>;

/** Frames that go through the encoder in one run. */
const BATCH = 8;

/** A frame on its way to the encoder. */
interface Waiting {
  frame: number;
  picture: Uint8Array;
  /** As ffmpeg wrote it; the memory of a picture that sharp made is sharp's. */
  ours: boolean;
  /** Whether something is written on it: that may be all that is told of it. */
  printed: boolean;
}

/** Pictures and frames as visual tokens: a blob of half precision [frames, 16, d], and the frames' presentation times. */
export async function see(
  stage: Stage,
  { options, read }: JobPayload<'media.see'>,
  context: JobContext,
): Promise<Seen> {
  const medium = await requiredChild(context, 'media.ingest');
  if (medium.kind !== 'image' && medium.kind !== 'video') {
    return { mediumId: medium.id, frames: 0, times: [], visual: null };
  }
  const key = artifactKey('see', medium.id, stage.models.pack.id, options);
  const known = await cachedWithBlob(stage, key, JOBS['media.see'].result, ({ visual }) => visual);
  if (known) {
    await makeComparable(stage, medium, known);
    return known;
  }

  const vision = await stage.models.vision();
  const times: (number | null)[] = [];
  const visual: Uint16Array[] = [];
  const print: number[] = [];
  const newPrint: boolean[] = [];
  const watch = new PrintWatch();
  const shown = new ShownPrint();
  await using reading = read && medium.kind === 'video' ? readAlong(stage, medium, context.signal) : undefined;
  const follows = leavesNothingOut(options, medium.duration, stage.config.limits);
  const readNext = (frame: ShownFrame | undefined): void => {
    if (frame) reading?.add(follows ? frame : { time: frame.time });
  };
  await using telling = medium.kind === 'video' ? captionAlong(stage, medium, context.signal) : undefined;
  const { rows, d } = stage.models.visualShape;
  let waiting: Waiting[] = [];
  let encoding = Promise.resolve();
  // One batch is encoded while the next is decoded; an error is told when its turn comes.
  const flush = async (): Promise<void> => {
    await encoding;
    const batch = waiting;
    waiting = [];
    if (batch.length === 0) return;
    const pictures = batch.map(({ picture }) => picture);
    encoding = vision.encode(pictures, { signal: context.signal }).then((tokens) => {
      const kept = halves(tokens);
      visual.push(kept);
      for (const [i, { frame, printed }] of batch.entries())
        if (!printed) telling?.add(frame, kept.subarray(i * rows * d, (i + 1) * rows * d));
      release([tokens, ...pictures.filter((_, i) => batch[i]?.ours)].map(({ buffer }) => buffer));
    });
    encoding.catch(() => undefined);
  };
  for await (const frame of framesOf(stage, medium, options, vision.size, context.signal)) {
    const look = watch.look(frame.rgb, vision.size, vision.size);
    if (frame.time !== null) readNext(shown.look(frame.time, look));
    print.push(look.likelihood);
    newPrint.push(look.isNew);
    // A picture of another shape than the film's stands between black bars, which the encoder was not trained on.
    const picture = medium.kind === 'video' ? await withoutBars(frame.rgb, vision.size) : frame.rgb;
    const ours = medium.kind === 'video' && picture === frame.rgb;
    waiting.push({ frame: times.length, picture, ours, printed: shown.printed });
    times.push(frame.time);
    if (waiting.length === BATCH) {
      await flush();
      const share = medium.duration ? (frame.time ?? 0) / medium.duration : 0;
      context.emit({ type: 'progress', stage: 'see', percent: Math.min(99, Math.round(100 * share)) });
    }
  }
  readNext(shown.end(times.at(-1) ?? 0));
  await flush();
  await encoding;
  const blob = await keepVisual(stage, visual);
  await telling?.done(blob);
  const seen: Seen = { mediumId: medium.id, frames: times.length, times, visual: blob, print, newPrint };
  const result = await keepWithBlob(stage, key, JOBS['media.see'].result, seen, blob);
  await makeComparable(stage, medium, result);
  await reading?.done();
  return result;
}

async function* framesOf(
  { blobs, config }: Stage,
  medium: Medium,
  options: JobPayload<'media.see'>['options'],
  size: number,
  signal: AbortSignal,
): AsyncGenerator<{ time: number | null; rgb: Uint8Array }> {
  await using file = await blobs.local(medium.id, signal);
  const { limits } = config;
  if (medium.kind === 'image') {
    const { rgb } = await decodeImage(file.path, { size, limits, signal });
    yield { time: null, rgb };
    return;
  }
  for await (const { t, rgb } of decodeFrames(file.path, { ...options, facts: medium, size, limits, signal }))
    yield { time: t, rgb };
}
