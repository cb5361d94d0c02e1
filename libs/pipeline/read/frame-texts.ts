import { PassThrough } from 'node:stream';
import { z } from 'zod';
import { Box, type Medium } from '#contracts';
import { boxAround, readFrameTexts, type ShownFrame } from '#media';
import { createLogger } from '#platform';
import { artifactKey } from '../artifact.js';
import { cached, type Stage } from '../context.js';

const log = createLogger('read');

const FrameRead = z.object({ text: z.string(), box: Box.optional() });
export type FrameRead = z.infer<typeof FrameRead>;

/** Frames that are read before it is known how many there will be: of very many, only some are needed. */
const MOST_ALONG = 40;

const keyOf = (medium: Medium, time: number): string => artifactKey('text', medium.id, time);

/** The text on a film's frames, each kept by content, in any order. Damaged places of a file give nothing. */
export async function* readFrames(
  stage: Stage,
  medium: Medium,
  frames: readonly ShownFrame[],
  signal: AbortSignal,
): AsyncGenerator<{ time: number } & FrameRead> {
  const unknown: ShownFrame[] = [];
  for (const frame of frames) {
    const { time } = frame;
    const known = await cached(stage.records, keyOf(medium, time), FrameRead);
    if (known) yield { time, ...known };
    else unknown.push(frame);
  }
  if (unknown.length > 0) yield* recognized(stage, medium, unknown, signal);
}

async function* recognized(
  { blobs, config, models, records }: Stage,
  medium: Medium,
  frames: Iterable<ShownFrame> | AsyncIterable<ShownFrame>,
  signal: AbortSignal,
): AsyncGenerator<{ time: number } & FrameRead> {
  const recognizer = await models.textRecognizer();
  recognizer.warm();
  await using file = await blobs.local(medium.id, signal);
  const request = { facts: medium, recognizer, limits: config.limits, signal };
  for await (const { time, text } of readFrameTexts(file.path, frames, request)) {
    const read = { text: text.text, box: boxAround(text.paragraphs.map((paragraph) => paragraph.box)) };
    await records.putArtifact(keyOf(medium, time), read);
    yield { time, ...read };
  }
}

/** Reads frames of a film while others are still looked for. Whoever wants their texts finds them with `readFrames`. */
export interface ReadingAlong extends AsyncDisposable {
  add(frame: ShownFrame): void;
  /** Resolves when all that was added has been read. */
  done(): Promise<void>;
}

/** What fails here is tried again by whoever wants the text, and told there. */
export function readAlong(stage: Stage, medium: Medium, signal: AbortSignal): ReadingAlong {
  // Who stops reading closes it; what is added then is not read along.
  const frames = new PassThrough({ objectMode: true }).on('error', () => undefined);
  const left = new AbortController();
  let reading: Promise<void> | undefined;
  let added = 0;
  const read = async (): Promise<void> => {
    const texts = recognized(stage, medium, frames, AbortSignal.any([signal, left.signal]));
    for (let next = await texts.next(); !next.done;) next = await texts.next();
  };
  const done = async (): Promise<void> => {
    frames.end();
    await reading;
  };
  return {
    add: (frame) => {
      if (++added > MOST_ALONG) return;
      frames.write(frame);
      reading ??= read().catch((error: unknown) => {
        if (!left.signal.aborted) log.debug({ err: error, medium: medium.id }, 'a film is not read while it is seen');
      });
    },
    done,
    [Symbol.asyncDispose]: () => {
      left.abort();
      return done();
    },
  };
}
