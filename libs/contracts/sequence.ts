import { z } from 'zod';
import { ContentHash, Span } from './media.js';

/**
 * What the decoder reads. A sequence is `prefix · segment* · question · answer`
 * (docs/engine.md). A part is text (tokenised by the pack's tokenizer, special tokens allowed only when
 * `special` is true), or embeddings that an encoder made.
 */
export const SequencePart = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text'), text: z.string(), special: z.boolean().default(false) }),
  z.object({
    type: z.literal('embeddings'),
    /** Row-major [rows, d] float32 in the shared space. */
    data: z.custom<Float32Array>((value) => value instanceof Float32Array),
    rows: z.number().int().positive(),
    /** Content address of the rows; equal hashes mean equal rows. */
    hash: z.string(),
    /** JPEG of what the rows stand for, where another engine is to look for itself. */
    picture: z.custom<Uint8Array>((value) => value instanceof Uint8Array).optional(),
  }),
]);
export type SequencePart = z.input<typeof SequencePart>;

/** At most 256 tokens that attend to the prefix and to themselves; the unit of prefill, caching and citation. */
export interface Segment {
  parts: SequencePart[];
  span: Span;
  /** The text that a citation quotes. Empty for a picture without words. */
  quote: string;
}

/** A segment as stored by `media.compose`: embeddings are named by blob id, so that jobs carry ids, not blobs. */
export const StoredSegment = z.object({
  parts: z.array(
    z.discriminatedUnion('type', [
      z.object({ type: z.literal('text'), text: z.string() }),
      z.object({
        type: z.literal('visual'),
        blob: ContentHash,
        index: z.number().int().nonnegative(),
        rows: z.number().int().positive(),
      }),
    ]),
  ),
  span: Span,
  quote: z.string(),
});
export type StoredSegment = z.infer<typeof StoredSegment>;

export const Sampling = z.object({
  maxTokens: z.number().int().positive().max(8192).default(256),
  temperature: z.number().min(0).max(2).default(0),
  topP: z.number().min(0).max(1).default(1),
  topK: z.number().int().nonnegative().default(0),
  minP: z.number().min(0).max(1).default(0),
  repetitionPenalty: z.number().positive().max(2).default(1),
  frequencyPenalty: z.number().min(-2).max(2).default(0),
  presencePenalty: z.number().min(-2).max(2).default(0),
  seed: z.number().int().optional(),
  stop: z.array(z.string()).max(16).default([]),
  logitBias: z.record(z.string(), z.number()).optional(),
  /**
   * Answers that are written side by side, of which the one is given whose tokens are likeliest in the mean (beam search). More than one only
   * without temperature, `stop`, `logprobs` and `jsonSchema`; engines of others write one.
   */
  beams: z.number().int().min(1).max(8).default(1),
  /** Number of alternatives per token to report; undefined reports none. */
  logprobs: z.number().int().min(0).max(20).optional(),
  /** JSON schema that the answer must satisfy. */
  jsonSchema: z.record(z.string(), z.unknown()).optional(),
});
export type Sampling = z.infer<typeof Sampling>;
export type SamplingInput = z.input<typeof Sampling>;

/** Whether an answer asks for what only one that is written alone can have: of `beams` there can be one. */
export const isWrittenAlone = ({
  temperature,
  stop,
  logprobs,
  jsonSchema,
}: Omit<Sampling, 'beams' | 'maxTokens' | 'presencePenalty'>): boolean =>
  temperature > 0 || stop.length > 0 || logprobs !== undefined || jsonSchema !== undefined;

export const TokenLogprob = z.object({
  token: z.string(),
  logprob: z.number(),
  top: z.array(z.object({ token: z.string(), logprob: z.number() })),
});
export type TokenLogprob = z.infer<typeof TokenLogprob>;

export const DecodeUsage = z.object({
  /** Tokens of the whole sequence: prefix, all segments and question. */
  promptTokens: z.number().int(),
  /** Tokens of that which the answer attended to. */
  selectedTokens: z.number().int(),
  completionTokens: z.number().int(),
  /** Prompt tokens whose pages were already in the pool. */
  cachedTokens: z.number().int(),
});
export type DecodeUsage = z.infer<typeof DecodeUsage>;

export interface DecodeRequest {
  prefix: SequencePart[];
  segments: Segment[];
  question: SequencePart[];
  sampling: SamplingInput;
  /** Attention budget in tokens per layer and KV head (engine.md, 512 to 4096). */
  selectedTokens?: number;
  /** One number per segment, added to its pages' scores (for example a lexical prior). */
  prior?: number[];
  priority?: 'interactive' | 'batch';
  /**
   * Most bytes of the pages computed for this request that go to disk, from the first segment on; all of them when absent. The rest is
   * computed again once it has left memory.
   */
  keepBytes?: number;
  /**
   * Of segments that are more than memory for pages holds, those are read that `prior` tells most of, those that are known, and, up to so many
   * tokens, an even spread of the others; without this number such a request is refused.
   */
  enoughTokens?: number;
  /** False: no token is guessed from the material. The answer is the same either way; guesses are checked. */
  drafts?: boolean;
}

export type DecodeEvent =
  | { type: 'prefill'; done: number; total: number }
  | { type: 'token'; text: string; logprob?: TokenLogprob }
  | {
      type: 'done';
      text: string;
      finishReason: 'stop' | 'length';
      usage: DecodeUsage;
      /** Share of the answer's attention mass per segment, in request order; sums to at most 1. */
      evidence: number[];
      timings: { prefillMs: number; selectMs: number; firstTokenMs: number; decodeMs: number };
    };
