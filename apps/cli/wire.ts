import type { Citation, DecodeUsage } from '#contracts';

/** The wire format is snake case and leaves out what is ours alone. */
export function wireUsage(usage: DecodeUsage): {
  prompt_tokens: number;
  selected_tokens: number;
  completion_tokens: number;
} {
  return {
    prompt_tokens: usage.promptTokens,
    selected_tokens: usage.selectedTokens,
    completion_tokens: usage.completionTokens,
  };
}

/** Line and file are there only where they say something: in text, source code and archives. */
export function wireCitation({ input, start, end, page, line, file, quote }: Citation) {
  const rounded = (seconds: number | null): number | null =>
    seconds === null ? null : Math.round(seconds * 100) / 100;
  return {
    input,
    start: rounded(start),
    end: rounded(end),
    page,
    ...(line === undefined ? {} : { line }),
    ...(file === undefined ? {} : { file }),
    quote,
  };
}
