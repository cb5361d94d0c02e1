import type { Answer, Citation, DecodeUsage } from '#contracts';

/** The wire format is snake case and leaves out what is ours alone. */
export const wireUsage = (usage: DecodeUsage) => ({
  prompt_tokens: usage.promptTokens,
  selected_tokens: usage.selectedTokens,
  completion_tokens: usage.completionTokens,
});

const rounded = (seconds: number | null) => (seconds === null ? null : Math.round(seconds * 100) / 100);

export const wireCitation = ({ input, start, end, page, quote }: Citation) => ({
  input,
  start: rounded(start),
  end: rounded(end),
  page,
  quote,
});

export const wireTimings = (answer: Pick<Answer, 'timings'>, totalMs: number) => ({
  total_ms: Math.round(totalMs),
  ...answer.timings,
});
