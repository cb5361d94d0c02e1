import { setMaxListeners } from 'node:events';
import { z } from 'zod';
import type { DecodeEvent, Medium, TokenLogprob } from '#contracts';
import { artifactKey } from '../artifact.js';
import { pictureSequence } from '../answer/sequence.js';
import { stillFor } from './stills.js';
import { cached, type Stage } from '../context.js';
import { frameTokens, readHalves } from './visual-tokens.js';

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
  const decoder = await models.decoder();
  const prompts = await models.prompts();
  const captions = new Array<string>(wanted.length).fill('');
  // Each caption that is being written listens for the job's end.
  setMaxListeners(0, options.signal);
  let next = 0;
  let done = 0;
  const work = async (): Promise<void> => {
    while (next < wanted.length) {
      const at = next++;
      const frame = wanted[at] as number;
      const picture = {
        medium,
        visual: frameTokens(all, frame, rows, d),
        rows,
        hash: `${blob}:${frame}`,
        still: await stillFor(stage, decoder, medium, times[frame] ?? undefined, options.signal),
      };
      const { prefix, segments, question, maxTokens, presencePenalty } = pictureSequence(prompts, picture);
      // The caption is kept: nobody will need the picture's pages again.
      const kept = { sampling: { maxTokens, presencePenalty }, keepBytes: 0 };
      // A film's frames are many; who asks a question meanwhile goes first.
      const priority = wanted.length > 1 ? ('batch' as const) : ('interactive' as const);
      const request = { prefix, segments, question, ...kept, priority };
      captions[at] = (await finish(decoder.generate(request, options.signal))).text.trim();
      options.onProgress?.(++done);
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, wanted.length) }, work));
  await records.putArtifact(key, captions);
  return captions;
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
