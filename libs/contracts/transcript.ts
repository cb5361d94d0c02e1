import { z } from 'zod';

/** Times are seconds from the start of the medium. */
export const TranscriptWord = z.object({ word: z.string(), start: z.number(), end: z.number() });
export type TranscriptWord = z.infer<typeof TranscriptWord>;

export const Utterance = z.object({
  start: z.number().nonnegative(),
  end: z.number().nonnegative(),
  text: z.string(),
  /** Mean log probability of the text's tokens. */
  avgLogprob: z.number().optional(),
  /** Present when words were asked for; monotonic and inside the utterance. */
  words: z.array(TranscriptWord).optional(),
  /** Channel number when channels were transcribed apart. */
  channel: z.number().int().nonnegative().optional(),
});
export type Utterance = z.infer<typeof Utterance>;

export const Transcript = z.object({
  language: z.string(),
  /** Seconds of audio that were read. */
  duration: z.number().nonnegative(),
  text: z.string(),
  segments: z.array(Utterance),
  warnings: z.array(z.string()).default([]),
});
export type Transcript = z.infer<typeof Transcript>;

export const TranscriptFormat = z.enum(['text', 'json', 'srt', 'vtt', 'verbose_json', 'lrc', 'tsv']);
export type TranscriptFormat = z.infer<typeof TranscriptFormat>;
