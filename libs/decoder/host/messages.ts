import type { DecodeEvent, DecodeRequest, ErrorBody } from '#contracts';
import type { ModelOptions } from '../runner/model.js';

/** What the worker thread is started with. */
export interface WorkerOptions extends Omit<ModelOptions, 'warn'> {
  kvMemoryBytes: number;
  kvDiskBytes: number;
  kvDir: string;
}

/** Main thread → worker. */
export type ToWorker =
  | { type: 'generate'; id: number; request: DecodeRequest }
  | { type: 'cancel'; id: number }
  | { type: 'stats'; id: number }
  | { type: 'stop' }
  | { type: 'crash' };

/** Worker → main thread. */
export type FromWorker =
  | { type: 'ready' }
  | { type: 'fatal'; error: ErrorBody }
  | { type: 'warning'; message: string }
  /** What a step gave, of all answers: a message costs as much as a token's share of a step. */
  | { type: 'answers'; answers: Answer[] }
  | { type: 'stats'; id: number; stats: DecoderStats };

/** What comes of request `id`. */
export type Answer = { id: number; event: DecodeEvent } | { id: number; error: ErrorBody };

export interface DecoderStats {
  running: number;
  pool: { totalPages: number; freePages: number; pinnedPages: number; runs: number; evictions: number };
  kvBytes: number;
  workingSetBytes: number;
  spillBytes: number;
}
