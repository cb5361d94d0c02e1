import { z } from 'zod';

/** Times are seconds from the start of the medium. */
export const TranscriptWord = z.object({ word: z.string(), start: z.number(), end: z.number() });
export type TranscriptWord = z.infer<typeof TranscriptWord>;

export const Utterance = z.object({
  start: z.number().nonnegative(),
  end: z.number().nonnegative(),
  text: z.string(),
  /** Mean log probability of the tokens of the stretch of sound that the text is of. */
  avgLogprob: z.number().optional(),
  /** 1 less the mean speech probability of that stretch, as the voice activity detector heard it. */
  noSpeechProb: z.number().optional(),
  /** Ids of the text's tokens in the vocabulary of the recogniser, as it wrote them: before words were put in another spelling. */
  tokens: z.array(z.number().int()).optional(),
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
