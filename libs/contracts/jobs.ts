import { z } from 'zod';
import { Box, ContentHash, Medium } from './media.js';
import { DecodeUsage, Sampling, TokenLogprob } from './sequence.js';
import { Transcript } from './transcript.js';

/** Where the bytes are that an ingest job reads. `name` is what the user called it. */
export const MediaSource = z.discriminatedUnion('type', [
  z.object({ type: z.literal('file'), path: z.string(), name: z.string() }),
  z.object({ type: z.literal('url'), url: z.string().url(), name: z.string() }),
  z.object({ type: z.literal('blob'), blob: ContentHash, name: z.string() }),
]);
export type MediaSource = z.infer<typeof MediaSource>;

/** A word or several as they are written, and as they are to be written. */
export const Replacement = z.object({ from: z.string().trim().min(1).max(200), to: z.string().trim().max(200) });
export type Replacement = z.infer<typeof Replacement>;

export const HearOptions = z.object({
  words: z.boolean().default(false),
  channels: z.enum(['mix', 'separate']).default('mix'),
  track: z.number().int().nonnegative().optional(),
  language: z.string().optional(),
  task: z.enum(['transcribe', 'translate']).default('transcribe'),
  prompt: z.string().optional(),
  hotwords: z.array(z.string()).optional(),
  /** Spellings of the user, put in when the text is known. */
  replacements: z.array(Replacement).optional(),
  start: z.number().nonnegative().optional(),
  end: z.number().positive().optional(),
});
export type HearOptions = z.infer<typeof HearOptions>;

export const SeeOptions = z.object({
  /** Frames per second to sample, or the number of frames; never both. Neither: by scene change and time. */
  fps: z.number().positive().optional(),
  numFrames: z.number().int().positive().optional(),
  start: z.number().nonnegative().optional(),
  end: z.number().positive().optional(),
});
export type SeeOptions = z.infer<typeof SeeOptions>;

/** How closely a picture is looked at: as a whole, or its quarters as well. `auto` leaves it to the service. */
export const Detail = z.enum(['auto', 'low', 'high']);
export type Detail = z.infer<typeof Detail>;

export const Citation = z.object({
  input: z.string(),
  mediumId: ContentHash,
  start: z.number().nullable(),
  end: z.number().nullable(),
  page: z.number().int().nullable(),
  /** Line of a text or of source code, and the file it is in when the input is an archive. */
  line: z.number().int().optional(),
  file: z.string().optional(),
  /** Where the words stand on the page, picture or frame. */
  box: Box.optional(),
  quote: z.string(),
  /** Share of the answer's attention mass. */
  weight: z.number(),
});
export type Citation = z.infer<typeof Citation>;

export const Answer = z.object({
  text: z.string(),
  finishReason: z.enum(['stop', 'length']),
  citations: z.array(Citation),
  usage: DecodeUsage,
  timings: z.record(z.string(), z.number()),
  /** One entry per answer token when `sampling.logprobs` asked for them. */
  logprobs: z.array(TokenLogprob).optional(),
  /** What was asked for and could not be done; the answer is there all the same. */
  warnings: z.array(z.string()).optional(),
});
export type Answer = z.infer<typeof Answer>;

/** The decoding task of an `answer` job. Conversation turns hold text only; media come by compose children. */
export const AnswerTask = z.discriminatedUnion('type', [
  z.object({ type: z.literal('describe'), instruction: z.string().optional() }),
  /** `summary`: told part by part whatever the question says. */
  z.object({ type: z.literal('ask'), question: z.string().min(1), summary: z.boolean().optional() }),
  z.object({
    type: z.literal('chat'),
    messages: z.array(z.object({ role: z.enum(['system', 'user', 'assistant']), content: z.string() })).min(1),
  }),
]);
export type AnswerTask = z.infer<typeof AnswerTask>;

/** name → payload and result. Handlers are checked against this map at boot. */
export const JOBS = {
  'media.ingest': { payload: z.object({ source: MediaSource }), result: Medium },
  'media.see': {
    /** `read`: the text on a film's frames will be wanted, and is read while the film is seen. */
    payload: z.object({ options: SeeOptions, read: z.boolean().optional() }),
    /** `visual` is a blob of half precision [frames, 16, d]; `times` are presentation times in seconds (null for a still picture). */
    result: z.object({
      mediumId: ContentHash,
      frames: z.number().int(),
      times: z.array(z.number().nullable()),
      visual: ContentHash.nullable(),
      /** How much each frame looks like print, 0 to 1: whether reading its text is worth the time. */
      print: z.array(z.number()).optional(),
      /** Whether each frame may show other print than the last one of which this is true. */
      newPrint: z.array(z.boolean()).optional(),
    }),
  },
  'media.hear': {
    payload: z.object({ options: HearOptions, optional: z.boolean().default(false) }),
    result: z.object({ mediumId: ContentHash, transcript: Transcript }),
  },
  'media.compose': {
    /** `words`: a lone picture is put into words too, to be read by people; a question about it needs none. */
    payload: z.object({
      source: MediaSource,
      words: z.boolean().default(false),
      /** Seconds: what lies outside was not looked at or listened to. */
      start: z.number().nonnegative().optional(),
      end: z.number().positive().optional(),
    }),
    /** `segments` is a blob: JSON array of StoredSegment. */
    result: z.object({ medium: Medium, segments: ContentHash, count: z.number().int() }),
  },
  'media.extract': {
    /** A frame (or the picture itself) as JPEG, or a clip as MP4: what a citation points to. Times are seconds. */
    payload: z.object({
      part: z.discriminatedUnion('type', [
        z.object({ type: z.literal('frame'), at: z.number().nonnegative().optional() }),
        z.object({ type: z.literal('clip'), start: z.number().nonnegative(), end: z.number().positive() }),
      ]),
    }),
    result: z.object({ blob: ContentHash, mimeType: z.string() }),
  },
  answer: {
    payload: z.object({
      task: AnswerTask,
      /** Without maxTokens, the answer may be as long as the pack's prompt for the task allows; what repeated words cost, and whether answers are written side by side, is its to say too. */
      sampling: Sampling.omit({ beams: true }).extend({
        maxTokens: Sampling.shape.maxTokens.removeDefault().optional(),
        presencePenalty: Sampling.shape.presencePenalty.removeDefault().optional(),
      }),
      selectedTokens: z.number().int().min(64).max(65536).optional(),
      /** Of a picture that is described or asked about alone: whatever has to share a timeline is seen as a whole. */
      detail: Detail.optional(),
      /** Compose children in the order the user gave the files. */
      inputs: z.array(z.string()),
    }),
    result: Answer,
  },
} as const;

export type JobName = keyof typeof JOBS;
export type JobPayload<N extends JobName> = z.infer<(typeof JOBS)[N]['payload']>;
export type JobResult<N extends JobName> = z.infer<(typeof JOBS)[N]['result']>;

/** A job with the jobs whose results it needs. Submitted as one flow; a failed child fails its parents with the child's error. */
export interface JobTree<N extends JobName = JobName> {
  name: N;
  payload: z.input<(typeof JOBS)[N]['payload']>;
  children?: JobTree[];
}

export const JobState = z.enum(['queued', 'running', 'completed', 'failed', 'cancelled']);
export type JobState = z.infer<typeof JobState>;

export type JobEvent =
  | { type: 'state'; state: JobState }
  | { type: 'progress'; stage: string; percent: number }
  | { type: 'token'; text: string; logprob?: TokenLogprob }
  | { type: 'segment'; start: number; end: number; text: string; channel?: number };
