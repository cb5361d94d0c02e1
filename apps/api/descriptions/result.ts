import type { Answer, DescribeResult } from '#contracts';
import { wireTimings, wireUsage } from '../results.js';

export function toDescription(input: string, answer: Answer, totalMs: number): DescribeResult {
  return { input, description: answer.text, usage: wireUsage(answer.usage), timings: wireTimings(answer, totalMs) };
}
