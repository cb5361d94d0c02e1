import { createHash } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { z } from 'zod';
import type { DecodeEvent, Medium, TokenLogprob } from '#contracts';
import { createLogger } from '#platform';
import { artifactKey } from '../artifact.js';
import { pictureSequence } from '../answer/sequence.js';
import { stillFor } from './stills.js';
import { cached, type Stage } from '../context.js';
import { numbersOf } from './half-precision.js';
import { frameTokens, readHalves } from './visual-tokens.js';

const log = createLogger('see');

/** Captions that the decoder writes at once; it batches them by itself. */
const AT_ONCE = 16;

export interface VisualTokens {
  /** Blob of [frames, rows, d], as `keepVisual` kept it. */
  blob: string;
  /** Frames that are to be put into words. */
  wanted: readonly number[];
  /** Presentation times of the frames; a still picture needs none. */
  times?: readonly (number | null)[];
}

/** One caption per wanted frame, in their order, kept by content. */
export async function captionFrames(
  stage: Stage,
  medium: Medium,
  { blob, wanted, times = [] }: VisualTokens,
  options: { signal: AbortSignal; onProgress?: (done: number) => void },
): Promise<string[]> {
  const { models, records } = stage;
  if (wanted.length === 0) return [];
  const key = artifactKey('caption', blob, models.writer, wanted);
  const known = await cached(records, key, z.array(z.string()).length(wanted.length));
  if (known) return known;

  const { rows, d } = models.visualShape;
  const all = await readHalves(stage, blob);
  const along = (await cached(records, alongKey(stage, blob), CaptionsByFrame)) ?? {};
  const captions = wanted.map((frame) => along[frame] ?? '');
  const left = wanted.flatMap((frame, at) => (along[frame] === undefined ? [{ frame, at }] : []));
  let done = wanted.length - left.length;
  const { signal } = options;
  // Each caption that is being written listens for the job's end.
  setMaxListeners(0, signal);
  const work = async (): Promise<void> => {
    for (let next = left.shift(); next; next = left.shift()) {
      const { frame, at } = next;
      const picture = { visual: frameTokens(all, frame, rows, d), hash: `${blob}:${frame}`, at: times[frame] ?? undefined }; // prettier-ignore
      // A film's frames are many; who asks a question meanwhile goes first.
      captions[at] = await caption(stage, medium, picture, wanted.length > 1 ? 'batch' : 'interactive', signal);
      options.onProgress?.(++done);
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, left.length) }, work));
  await records.putArtifact(key, captions);
  return captions;
}

interface FramePicture {
  /** Visual tokens, rows × d. */
  visual: Float32Array;
  /** Content address of them. */
  hash: string;
  /** Presentation time in seconds; a still picture has none. */
  at?: number | undefined;
}

async function caption(
  stage: Stage,
  medium: Medium,
  { visual, hash, at }: FramePicture,
  priority: 'batch' | 'interactive',
  signal: AbortSignal,
): Promise<string> {
  const { models } = stage;
  const decoder = await models.decoder();
  const still = await stillFor(stage, decoder, medium, at, signal);
  const picture = { medium, visual, rows: models.visualShape.rows, hash, still };
  const sequence = pictureSequence(await models.prompts(), picture);
  const { prefix, segments, question, maxTokens, presencePenalty } = sequence;
  // A film's frames are many, and like each other.
  const beams = medium.kind === 'video' ? 1 : sequence.beams;
  // The caption is kept: nobody will need the picture's pages again.
  const kept = { sampling: { maxTokens, presencePenalty, beams }, keepBytes: 0 };
  const request = { prefix, segments, question, ...kept, priority };
  return (await finish(decoder.generate(request, signal))).text.trim();
}

const CaptionsByFrame = z.record(z.string(), z.string());

const alongKey = ({ models }: Stage, blob: string): string => artifactKey('caption', blob, models.writer, 'along');

/** Puts a film's frames into words while others are still looked for. Whoever wants the captions finds them with `captionFrames`. */
export interface CaptionsAlong extends AsyncDisposable {
  /** @param tokens visual tokens of one frame in half precision */
  add(frame: number, tokens: Uint16Array): void;
  /** Resolves when all that was added is in words, and kept. @param blob that holds the visual tokens of all frames */
  done(blob: string): Promise<void>;
}

/**
 * Decoding a film takes one core, and once nobody speaks any more the others have nothing else to do. Engines that look for themselves
 * are asked later: each frame costs them a picture. What fails here is tried again by whoever wants the caption, and told there.
 */
export function captionAlong(stage: Stage, medium: Medium, signal: AbortSignal): CaptionsAlong {
  const left = new AbortController();
  const ended = AbortSignal.any([signal, left.signal]);
  setMaxListeners(0, ended);
  const waiting: { frame: number; tokens: Uint16Array }[] = [];
  const captions: Record<number, string> = {};
  const workers = new Set<Promise<void>>();
  const work = async (): Promise<void> => {
    if ((await stage.models.decoder()).reads !== 'embeddings') return;
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const { frame, tokens } = next;
      const hash = createHash('sha256').update(tokens).digest('hex');
      captions[frame] = await caption(stage, medium, { visual: numbersOf(tokens), hash }, 'batch', ended);
    }
  };
  const start = (): void => {
    const worker = work()
      .catch((error: unknown) => {
        if (!ended.aborted) log.debug({ err: error, medium: medium.id }, 'a film is not put into words while it is seen'); // prettier-ignore
      })
      .finally(() => workers.delete(worker));
    workers.add(worker);
  };
  return {
    add: (frame, tokens) => {
      waiting.push({ frame, tokens });
      if (workers.size < AT_ONCE) start();
    },
    done: async (blob) => {
      await Promise.all(workers);
      await stage.records.putArtifact(alongKey(stage, blob), captions);
    },
    [Symbol.asyncDispose]: async () => {
      left.abort();
      await Promise.all(workers);
    },
  };
}

type Token = Extract<DecodeEvent, { type: 'token' }>;
export type Done = Extract<DecodeEvent, { type: 'done' }> & { logprobs: TokenLogprob[] };

/** Runs a generation to its end, handing its tokens on as they come. */
export async function finish(events: AsyncIterable<DecodeEvent>, onToken?: (token: Token) => void): Promise<Done> {
  let done: Done | undefined;
  const logprobs: TokenLogprob[] = [];
  for await (const event of events) {
    if (event.type === 'token') onToken?.(event);
    if (event.type === 'token' && event.logprob) logprobs.push(event.logprob);
    if (event.type === 'done') done = { ...event, logprobs };
  }
  if (done === undefined) throw new Error('the decoder ended without a result');
  return done;
}
