import type { Feeds, Tensor, TensorInfo } from './tensor.js';

export interface SessionOptions {
  /** Path of the model; external data is found beside it. */
  file?: string;
  /** The model itself, instead of a file. */
  bytes?: Uint8Array;
  /** What logs and errors call it, for example "vision encoder". */
  name: string;
  /** Threads inside one operator; default 1. Sessions that share cores should together not ask for more than there are. */
  threads?: number;
  graphOptimization?: 'disabled' | 'basic' | 'extended' | 'all';
  /**
   * In order of preference (TESSERA_EXECUTION_PROVIDERS); "cpu" is always the last resort. One that this machine or
   * this build of onnxruntime lacks is passed over with a warning: {@link OnnxSession.warnings}.
   */
  executionProviders?: readonly string[];
  /**
   * Whether idle threads of the pool keep spinning. Off by default: a spinning pool takes the cores from every other
   * session, ffmpeg and the event loop (docs/packs.md has the measured price).
   */
  spin?: boolean;
  /**
   * Whether memory of a run is kept for the next one; on by default. Where each run has another shape it only grows
   * (docs/decisions/0039-speech-graphs.md has the measured price).
   */
  arena?: boolean;
  /** onnxruntime session configuration, for example `{ 'session.qdqisint8allowed': '1' }`. */
  config?: Record<string, string>;
  /** Called with each warning, as it happens. */
  onWarning?: (message: string) => void;
}

export interface RunOptions {
  /** Names of the wanted outputs; default all. */
  outputs?: readonly string[];
  /** Rejects the run as `cancelled`. A run that has started goes on in its thread; its outputs are dropped. */
  signal?: AbortSignal;
  /** The feeds' buffers move to the session's thread instead of being copied; the caller loses them. */
  transfer?: boolean;
}

/** A loaded ONNX model. */
export interface OnnxSession {
  readonly name: string;
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  /** The execution provider that was asked of onnxruntime first, after fallback. */
  readonly executionProvider: string;
  /** Why it does not run where it was asked to; empty when it does. */
  readonly warnings: readonly string[];
  /**
   * @throws TesseraError `invalid_request` that names every missing, unknown or misshapen input;
   * `model_failed` with the feeds' types and shapes; `cancelled`
   */
  run(feeds: Feeds, options?: RunOptions): Promise<Record<string, Tensor>>;
  /** Frees the model's memory. Safe to call twice. */
  dispose(): Promise<void>;
}
