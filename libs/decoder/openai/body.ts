import type { DecodeRequest } from '#contracts';
import { toMessages } from './messages.js';

const given = (fields: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

/** What is left at its default is not sent, because engines differ in the fields that they know. */
const unless = <T>(value: T | undefined, fallback: T): T | undefined => (value === fallback ? undefined : value);

/** The body of `POST /chat/completions`. `top_k`, `min_p` and `repetition_penalty` are what vLLM, SGLang and llama.cpp call them. */
export function toBody(request: DecodeRequest, model: string): Record<string, unknown> {
  const { sampling } = request;
  const { logprobs, jsonSchema, repetitionPenalty = 1 } = sampling;
  const penalty = unless(repetitionPenalty, 1);
  return given({
    model,
    messages: toMessages(request),
    stream: true,
    stream_options: { include_usage: true },
    max_tokens: sampling.maxTokens ?? 256,
    temperature: sampling.temperature ?? 0,
    top_p: unless(sampling.topP, 1),
    top_k: unless(sampling.topK, 0),
    min_p: unless(sampling.minP, 0),
    repetition_penalty: penalty,
    repeat_penalty: penalty,
    frequency_penalty: unless(sampling.frequencyPenalty, 0),
    presence_penalty: unless(sampling.presencePenalty, 0),
    seed: sampling.seed,
    stop: sampling.stop && sampling.stop.length > 0 ? sampling.stop : undefined,
    logit_bias: sampling.logitBias,
    logprobs: logprobs === undefined ? undefined : true,
    top_logprobs: logprobs === 0 ? undefined : logprobs,
    response_format: jsonSchema && {
      type: 'json_schema',
      json_schema: { name: 'answer', strict: true, schema: jsonSchema },
    },
  });
}
