import type { Answer, Citation } from './jobs.js';
import type { AskResult, DescribeResult } from './requests.js';
import type { DecodeUsage } from './sequence.js';

/** The wire format of the command line and of HTTP: snake case, without what is ours alone. */
const wireUsage = (usage: DecodeUsage) => ({
  prompt_tokens: usage.promptTokens,
  selected_tokens: usage.selectedTokens,
  completion_tokens: usage.completionTokens,
});

const rounded = (seconds: number | null) => (seconds === null ? null : Math.round(seconds * 100) / 100);

/** Line, file and box are there only where they say something: in text, source code and archives, and where something is written. */
export const wireCitation = ({ input, start, end, page, line, file, box, quote }: Citation) => ({
  input,
  start: rounded(start),
  end: rounded(end),
  page,
  ...(line === undefined ? {} : { line }),
  ...(file === undefined ? {} : { file }),
  ...(box === undefined ? {} : { box }),
  quote,
});

const wireWarnings = ({ warnings = [] }: Answer) => (warnings.length > 0 ? { warnings } : {});

const wireTimings = (answer: Answer, totalMs: number) => ({ total_ms: Math.round(totalMs), ...answer.timings });

export function wireDescription(input: string, answer: Answer, totalMs: number): DescribeResult {
  return {
    input,
    description: answer.text,
    usage: wireUsage(answer.usage),
    timings: wireTimings(answer, totalMs),
    ...wireWarnings(answer),
  };
}

export function wireAnswer(question: string, answer: Answer, totalMs: number): AskResult {
  return {
    question,
    answer: answer.text,
    citations: answer.citations.map(wireCitation),
    usage: wireUsage(answer.usage),
    timings: wireTimings(answer, totalMs),
    ...wireWarnings(answer),
  };
}
