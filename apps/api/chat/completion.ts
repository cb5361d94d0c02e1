import { z } from 'zod';
import { wireCitation, WireCitation, type Answer, type TokenLogprob } from '#contracts';

export interface Head {
  id: string;
  model: string;
  created: Date;
}

export const ChatUsage = z.object({
  prompt_tokens: z.number(),
  completion_tokens: z.number(),
  total_tokens: z.number(),
  prompt_tokens_details: z.object({ cached_tokens: z.number() }),
  selected_tokens: z.number().describe('Prompt tokens that the answer attended to (an extension).'),
});

const RankedToken = z.object({
  token: z.string(),
  logprob: z.number(),
  bytes: z.array(z.number()).nullable().describe('Null for a part of a character.'),
});
const LogprobContent = z.object({ ...RankedToken.shape, top_logprobs: z.array(RankedToken) });

export const ChatCompletion = z.object({
  id: z.string(),
  object: z.literal('chat.completion'),
  created: z.number(),
  model: z.string(),
  choices: z.array(
    z.object({
      index: z.number(),
      message: z.object({ role: z.literal('assistant'), content: z.string(), refusal: z.null() }),
      logprobs: z.object({ content: z.array(LogprobContent), refusal: z.null() }).nullable(),
      finish_reason: z.enum(['stop', 'length']),
    }),
  ),
  usage: ChatUsage,
  citations: z.array(WireCitation).describe('What the answer rests on (an extension).'),
  warnings: z.array(z.string()).optional().describe('What was asked for and could not be done (an extension).'),
});

/** A part of a character is told as U+FFFD, whose bytes are not the token's. */
const bytesOf = (token: string) => (token.includes('\ufffd') ? null : [...Buffer.from(token)]);

export function toLogprob({ token, logprob, top }: TokenLogprob): z.infer<typeof LogprobContent> {
  const alternatives = top.map((each) => ({ ...each, bytes: bytesOf(each.token) }));
  return { token, logprob, bytes: bytesOf(token), top_logprobs: alternatives };
}

/** The prompt counts once, however many choices were made of it. */
export function toChatUsage(answers: readonly Answer[]): z.infer<typeof ChatUsage> {
  const [first] = answers;
  const completion = answers.reduce((sum, { usage }) => sum + usage.completionTokens, 0);
  const prompt = first?.usage.promptTokens ?? 0;
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: first?.usage.cachedTokens ?? 0 },
    selected_tokens: first?.usage.selectedTokens ?? 0,
  };
}

const created = ({ created: at }: Head) => Math.floor(at.getTime() / 1000);

export function toCompletion(head: Head, answers: readonly Answer[]): z.infer<typeof ChatCompletion> {
  return {
    id: `chatcmpl-${head.id}`,
    object: 'chat.completion',
    created: created(head),
    model: head.model,
    choices: answers.map((answer, index) => ({
      index,
      message: { role: 'assistant', content: answer.text, refusal: null },
      logprobs: answer.logprobs ? { content: answer.logprobs.map(toLogprob), refusal: null } : null,
      finish_reason: answer.finishReason,
    })),
    usage: toChatUsage(answers),
    citations: answers.flatMap(({ citations }) => citations.map(wireCitation)),
    ...toWarnings(answers),
  };
}

/** Choices of one request are warned of the same. */
export function toWarnings(answers: readonly Answer[]): { warnings?: string[] } {
  const warnings = [...new Set(answers.flatMap(({ warnings = [] }) => warnings))];
  return warnings.length > 0 ? { warnings } : {};
}

/** One chunk of a streamed completion. */
export function toChunk(
  head: Head,
  index: number,
  delta: object,
  rest: { finish_reason?: string; logprob?: TokenLogprob } = {},
) {
  const logprobs = rest.logprob ? { content: [toLogprob(rest.logprob)], refusal: null } : null;
  return {
    id: `chatcmpl-${head.id}`,
    object: 'chat.completion.chunk',
    created: created(head),
    model: head.model,
    choices: [{ index, delta, logprobs, finish_reason: rest.finish_reason ?? null }],
  };
}

/** The last chunk, for clients that asked for it. */
export function toUsageChunk(head: Head, answers: readonly Answer[]) {
  const { id, object, created: at, model } = toChunk(head, 0, {});
  return { id, object, created: at, model, choices: [], usage: toChatUsage(answers) };
}
