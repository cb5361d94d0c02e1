import { z } from 'zod';
import { Box } from './media.js';
import { Utterance } from './transcript.js';

/** CLI and native HTTP shapes of results. Snake case is the wire format; they are part of the public contract. */
export const WireUsage = z.object({
  prompt_tokens: z.number(),
  selected_tokens: z.number(),
  completion_tokens: z.number(),
});

export const WireTimings = z.object({ total_ms: z.number() }).catchall(z.number());

const Warnings = z.array(z.string()).optional().describe('What was asked for and could not be done.');

export const DescribeResult = z.object({
  input: z.string(),
  description: z.string(),
  usage: WireUsage,
  timings: WireTimings,
  warnings: Warnings,
});
export type DescribeResult = z.infer<typeof DescribeResult>;

export const TranscribeResult = z.object({
  input: z.string(),
  text: z.string(),
  language: z.string(),
  duration: z.number(),
  segments: z.array(Utterance.omit({ avgLogprob: true, noSpeechProb: true, tokens: true })),
  timings: WireTimings,
  warnings: z.array(z.string()).optional(),
});
export type TranscribeResult = z.infer<typeof TranscribeResult>;

export const WireCitation = z.object({
  input: z.string(),
  start: z.number().nullable(),
  end: z.number().nullable(),
  page: z.number().int().nullable(),
  line: z.number().int().optional(),
  file: z.string().optional(),
  box: Box.optional().describe('Where the words stand on the page, picture or frame: shares of its width and height.'),
  quote: z.string(),
  /** Over HTTP, where there is something to look at: paths of a JPEG and of a clip, made when they are asked for. */
  frame_url: z.string().optional(),
  clip_url: z.string().optional(),
});
export type WireCitation = z.infer<typeof WireCitation>;

export const AskResult = z.object({
  question: z.string(),
  answer: z.string(),
  citations: z.array(WireCitation),
  usage: WireUsage,
  timings: WireTimings,
  warnings: Warnings,
});
export type AskResult = z.infer<typeof AskResult>;
