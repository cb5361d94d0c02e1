import type { Answer, AskResult } from '#contracts';
import { wireCitation, wireTimings, wireUsage } from '../results.js';

export function toQuestionAnswer(question: string, answer: Answer, totalMs: number): AskResult {
  return {
    question,
    answer: answer.text,
    citations: answer.citations.map(wireCitation),
    usage: wireUsage(answer.usage),
    timings: wireTimings(answer, totalMs),
  };
}
