import { TesseraError, type DecodeEvent } from '#contracts';
import type { Done, GenerateEvent, GenerateEvent__Output } from '#rpc';

type DoneEvent = Extract<DecodeEvent, { type: 'done' }>;

const REASONS = { stop: 'FINISH_REASON_STOP', length: 'FINISH_REASON_LENGTH' } as const;

/** An event as it goes over the wire. */
export function toGenerateEvent(event: DecodeEvent): GenerateEvent {
  switch (event.type) {
    case 'prefill':
      return { prefill: { done: event.done, total: event.total } };
    case 'token':
      return { token: { text: event.text, ...(event.logprob ? { logprob: event.logprob } : {}) } };
    case 'done': {
      const { type: _type, finishReason, ...rest } = event;
      return { done: { ...rest, finishReason: REASONS[finishReason] } };
    }
  }
}

function fromDone({ text, finishReason, usage, evidence, timings }: Done): DoneEvent {
  if (!usage || !timings) throw new TesseraError('decoder_failed', 'The decoder ended without its usage.');
  return {
    type: 'done',
    text,
    finishReason: finishReason === REASONS.length ? 'length' : 'stop',
    usage,
    evidence,
    timings,
  };
}

/** An event that came over the wire; undefined for one that this version does not know. */
export function fromGenerateEvent({ prefill, token, done }: GenerateEvent__Output): DecodeEvent | undefined {
  if (prefill) return { type: 'prefill', done: prefill.done, total: prefill.total };
  if (token) return { type: 'token', text: token.text, ...(token.logprob ? { logprob: token.logprob } : {}) };
  return done ? fromDone(done) : undefined;
}
