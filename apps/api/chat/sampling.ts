import type { JobTree } from '#contracts';
import type { ChatRequest } from './request.js';

type Sampling = JobTree<'answer'>['payload']['sampling'];

function schemaOf(format: ChatRequest['response_format']): Record<string, unknown> | undefined {
  if (format?.type === 'json_schema') return format.json_schema.schema;
  return format?.type === 'json_object' ? { type: 'object' } : undefined;
}

/** OpenAI's names for sampling as ours. Without a temperature the answer is the likeliest one: greedy. */
export function toChatSampling(request: ChatRequest, choice = 0): Sampling {
  const values: Record<string, unknown> = {
    maxTokens: request.max_completion_tokens ?? request.max_tokens,
    temperature: request.temperature,
    topP: request.top_p,
    // Each choice has a seed of its own, so that a seed gives the same choices again.
    seed: typeof request.seed === 'number' ? request.seed + choice : undefined,
    stop: typeof request.stop === 'string' ? [request.stop] : request.stop,
    frequencyPenalty: request.frequency_penalty,
    presencePenalty: request.presence_penalty,
    logitBias: request.logit_bias,
    logprobs: request.logprobs ? (request.top_logprobs ?? 0) : undefined,
    jsonSchema: schemaOf(request.response_format),
  };
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined && value !== null));
}
