import type { Answer, Citation, JobPayload, TokenLogprob } from '#contracts';
import type { JobContext } from '#jobs';
import type { Stage } from '../context.js';
import { finish, type Done } from '../see/captions.js';
import type { Sequence } from './sequence.js';

/** Asks the decoder and hands its tokens on as they come. */
export async function decode(
  stage: Stage,
  payload: JobPayload<'answer'>,
  sequence: Sequence & { prior?: number[] },
  context: JobContext,
  onToken: (token: Token) => void = (token) => context.emit(token),
): Promise<Done> {
  const decoder = await stage.models.decoder();
  const { prefix, segments, question, prior, maxTokens } = sequence;
  const sampling = { ...payload.sampling, maxTokens: payload.sampling.maxTokens ?? maxTokens };
  const events = decoder.generate(
    { prefix, segments, question, prior, sampling, selectedTokens: payload.selectedTokens },
    context.signal,
  );
  return finish(events, ({ text, logprob }) => onToken({ type: 'token', text, logprob }));
}

export interface Token {
  type: 'token';
  text: string;
  logprob?: TokenLogprob;
}

/** Keeps tokens back while they may still become `text`, which is then not handed on. */
export function unless(text: string, emit: (token: Token) => void): (token: Token) => void {
  let held: Token[] | undefined = [];
  return (token) => {
    if (!held) return emit(token);
    held.push(token);
    const so = held.map((each) => each.text).join('').trimStart(); // prettier-ignore
    if (text.startsWith(so) || so.trimEnd() === text) return;
    for (const each of held) emit(each);
    held = undefined;
  };
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

export function elapsed(since: number): number {
  return Math.round(performance.now() - since);
}
