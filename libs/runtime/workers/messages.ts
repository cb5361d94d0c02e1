import type { Transferable } from 'node:worker_threads';
import { TesseraError, type ErrorBody } from '#contracts';

/** Main thread → worker. */
export interface Call {
  id: number;
  method: string;
  payload: unknown;
}

/** Main thread → worker: end when the calls before this are answered. */
export const STOP = null;

/** Worker → main thread: the answer to one call. */
export type Reply = { id: number; value: unknown } | { id: number; error: ErrorBody & { detail?: string } };

/** What a method of a worker returns: a value, and the buffers in it that move instead of being copied. */
export interface Moved<T> {
  value: T;
  transfer: Transferable[];
}

export const moved = <T>(value: T, transfer: Transferable[]): Moved<T> => ({ value, transfer });

/** A TesseraError keeps its code and message across threads; of any other error the stack goes along for the log. */
export function packError(error: unknown): ErrorBody & { detail?: string } {
  const known = TesseraError.from(error);
  const cause = error instanceof TesseraError ? error.cause : error;
  return { ...known.toBody(), detail: cause instanceof Error ? (cause.stack ?? cause.message) : undefined };
}

export function unpackError({ detail, ...body }: ErrorBody & { detail?: string }): TesseraError {
  return new TesseraError(body.code, body.message, {
    param: body.param,
    cause: detail === undefined ? undefined : new Error(detail),
  });
}
