import type { DecodeEvent, DecodeRequest } from '#contracts';

/** Whatever writes answers: the decoder of this process, one in another process, or another engine. */
export interface LanguageModel {
  /** What it takes of a picture: our visual tokens, or the picture. */
  readonly reads: 'embeddings' | 'pictures';
  generate(request: DecodeRequest, signal?: AbortSignal): AsyncIterable<DecodeEvent>;
  dispose(): Promise<void>;
}

/** How to reach one that is not in this process. */
export interface RemoteOptions {
  /** Several decoders with commas between. */
  url: string;
  /** Id of the pack of the caller. */
  pack: string;
  key?: string | undefined;
  /** Model of an OpenAI-compatible engine; its first by default. */
  model?: string | undefined;
  timeoutMs: number;
}
