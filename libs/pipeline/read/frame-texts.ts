import { PassThrough } from 'node:stream';
import { z } from 'zod';
import { Box, type Medium } from '#contracts';
import { boxAround, readFrameTexts } from '#media';
import { createLogger } from '#platform';
import { artifactKey } from '../artifact.js';
import { cached, type Stage } from '../context.js';

const log = createLogger('read');

const FrameRead = z.object({ text: z.string(), box: Box.optional() });
export type FrameRead = z.infer<typeof FrameRead>;

/** Frames that are read before it is known how many there will be: of very many, only some are needed. */
const MOST_ALONG = 40;

const keyOf = (medium: Medium, time: number): string => artifactKey('text', medium.id, time);

/** The text on frames at these times (seconds), each kept by content, in any order. Damaged places of a file give nothing. */
export async function* readFrames(
  stage: Stage,
  medium: Medium,
  times: readonly number[],
  signal: AbortSignal,
): AsyncGenerator<{ time: number } & FrameRead> {
  const unknown: number[] = [];
  for (const time of times) {
    const known = await cached(stage.records, keyOf(medium, time), FrameRead);
    if (known) yield { time, ...known };
    else unknown.push(time);
  }
  if (unknown.length > 0) yield* recognized(stage, medium, unknown, signal);
}

async function* recognized(
  { blobs, config, models, records }: Stage,
  medium: Medium,
  times: Iterable<number> | AsyncIterable<number>,
  signal: AbortSignal,
): AsyncGenerator<{ time: number } & FrameRead> {
  const recognizer = await models.textRecognizer();
  recognizer.warm();
  await using file = await blobs.local(medium.id, signal);
  const request = { facts: medium, recognizer, limits: config.limits, signal };
  for await (const { time, text } of readFrameTexts(file.path, times, request)) {
    const read = { text: text.text, box: boxAround(text.paragraphs.map((paragraph) => paragraph.box)) };
    await records.putArtifact(keyOf(medium, time), read);
    yield { time, ...read };
  }
}

/** Reads frames of a film while others are still looked for. Whoever wants their texts finds them with `readFrames`. */
export interface ReadingAlong extends AsyncDisposable {
  add(time: number): void;
  /** Resolves when all that was added has been read. */
  done(): Promise<void>;
}

/** What fails here is tried again by whoever wants the text, and told there. */
export function readAlong(stage: Stage, medium: Medium, signal: AbortSignal): ReadingAlong {
  // Who stops reading closes it; what is added then is not read along.
  const times = new PassThrough({ objectMode: true }).on('error', () => undefined);
  const left = new AbortController();
  let reading: Promise<void> | undefined;
  let added = 0;
  const read = async (): Promise<void> => {
    const frames = recognized(stage, medium, times, AbortSignal.any([signal, left.signal]));
    for (let next = await frames.next(); !next.done;) next = await frames.next();
  };
  const done = async (): Promise<void> => {
    times.end();
    await reading;
  };
  return {
    add: (time) => {
      if (++added > MOST_ALONG) return;
      times.write(time);
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
