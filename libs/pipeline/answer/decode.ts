import { isWrittenAlone, type Answer, type Citation, type JobPayload, type TokenLogprob } from '#contracts';
import type { JobContext } from '#jobs';
import type { Stage } from '../context.js';
import { finish, type Done } from '../see/captions.js';
import type { Sequence } from './sequence.js';

/** What reads and writes words. */
export interface Reader {
  models: Pick<Stage['models'], 'prompts' | 'tokenCounter' | 'decoder'>;
}

/** To whom an answer is told while it is made, who may call it off, and whether somebody waits for it. */
export type Telling = Pick<JobContext, 'emit' | 'signal' | 'priority'>;

/** Asks the decoder and hands its tokens on as they come. */
export async function decode(
  stage: Reader,
  payload: JobPayload<'answer'>,
  sequence: Sequence & { prior?: number[] },
  context: Telling,
  onToken: (token: Token) => void = (token) => context.emit(token),
): Promise<Done> {
  const decoder = await stage.models.decoder();
  const {
    prefix,
    segments,
    question,
    prior,
    maxTokens,
    presencePenalty,
    beams,
    keepBytes = 0,
    enoughTokens,
  } = sequence;
  // The numbers of tokens are those of the pack's own decoder.
  const logitBias = decoder.reads === 'embeddings' ? sequence.logitBias : undefined;
  const asked = payload.sampling;
  const sampling = {
    ...asked,
    maxTokens: asked.maxTokens ?? maxTokens,
    presencePenalty: asked.presencePenalty ?? presencePenalty,
    ...(isWrittenAlone(asked) ? {} : { beams }),
    ...(logitBias ? { logitBias: { ...logitBias, ...asked.logitBias } } : {}),
  };
  const events = decoder.generate(
    {
      prefix,
      segments,
      question,
      prior,
      sampling,
      selectedTokens: payload.selectedTokens,
      priority: context.priority,
      ...(keepBytes === Infinity ? {} : { keepBytes }),
      ...(enoughTokens === undefined ? {} : { enoughTokens }),
    },
    context.signal,
  );
  return finish(events, ({ text, logprob }) => onToken({ type: 'token', text, logprob }));
}

export interface Token {
  type: 'token';
  text: string;
  logprob?: TokenLogprob;
}

/** Keeps tokens back while what they say so far may still be put aside; `flush` hands on what is left. */
export class HeldTokens {
  private held: Token[] | undefined = [];

  constructor(
    private readonly emit: (token: Token) => void,
    private readonly mayBePutAside: (text: string) => boolean,
  ) {}

  readonly push = (token: Token): void => {
    if (!this.held) return this.emit(token);
    this.held.push(token);
    if (!this.mayBePutAside(this.held.map(({ text }) => text).join(''))) this.flush();
  };

  flush(): void {
    for (const token of this.held ?? []) this.emit(token);
    this.held = undefined;
  }
}

export function result(done: Done, citations: Citation[], started: number): Answer {
  const { prefillMs, selectMs, firstTokenMs, decodeMs } = done.timings;
  return {
    text: done.text.trim(),
    finishReason: done.finishReason,
    citations,
    usage: done.usage,
    ...(done.logprobs.length > 0 ? { logprobs: done.logprobs } : {}),
    timings: {
      prefill_ms: Math.round(prefillMs),
      select_ms: Math.round(selectMs),
      first_token_ms: Math.round(firstTokenMs),
      decode_ms: Math.round(decodeMs),
      answer_ms: elapsed(started),
    },
  };
}

export const NO_USAGE: Readonly<Answer['usage']> = {
  promptTokens: 0,
  selectedTokens: 0,
  completionTokens: 0,
  cachedTokens: 0,
};

export function addUsage(total: Answer['usage'], usage: Answer['usage']): void {
  for (const key of Object.keys(NO_USAGE) as (keyof Answer['usage'])[]) total[key] += usage[key];
}

/** An answer that no single run of the decoder wrote: it is told at once, when it is known. */
export function untold({
  text,
  citations,
  usage = NO_USAGE,
  started,
}: Pick<Answer, 'text' | 'citations'> & { usage?: Answer['usage']; started: number }): Answer {
  const ms = elapsed(started);
  return { text, finishReason: 'stop', citations, usage, timings: { first_token_ms: ms, answer_ms: ms } };
}

export function elapsed(since: number): number {
  return Math.round(performance.now() - since);
}
