/** What a model of speech is asked for: stretches of sound of similar length, recognised together. */
export interface RecogniseRequest {
  /** Mono float32 PCM at 16 kHz of each utterance. */
  utterances: Float32Array[];
  /** Token ids of hot words. */
  hotwords: number[][];
  /** Which utterances need the times of their tokens, given their tokens. */
  times: 'none' | 'all' | { splitAt: number[] };
  /** ISO-639-1 code; a model of many languages finds out by itself when absent. */
  language?: string;
  /** The language that the recording has spoken most until now, for an utterance that does not say which it is. */
  likely?: string;
  task?: 'transcribe' | 'translate';
  /** Tokens of a text that came before; for models that take one. */
  prompt?: number[];
}

export interface Recognition {
  tokens: number[];
  /** Of each token, and of the end where it was reached. */
  logprobs: number[];
  /** Samples from the start of the utterance at which each token begins; present when asked for and known. */
  starts?: number[];
  /** The text began to repeat itself and was cut. */
  looped: boolean;
  /** The language that was heard, from a model that tells them apart. */
  language?: string;
}

/** A model of speech in this thread: its runs block it. */
export interface SpeechModel {
  /** ISO-639-1 codes. */
  readonly languages: string[];
  recognise(request: RecogniseRequest): Promise<Recognition[]>;
  dispose(): Promise<void>;
}

/** What is between the tokens of a model and text. */
export interface SpeechVocabulary {
  /** Tokens that end a sentence. */
  readonly sentenceEnds: number[];
  /** Text of one token with its leading space; empty for control tokens. */
  piece(id: number): string;
  decode(ids: readonly number[]): string;
  /** Tokens of a text that follows a space, without control tokens. */
  encode(text: string): number[];
}
