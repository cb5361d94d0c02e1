import { TesseraError } from '#contracts';

/** Milliseconds, measured while running. */
export interface StepCosts {
  /** A decode step without prefill. */
  decode: number;
  /** One token of prefill. */
  prefillToken: number;
}

/** A step with prefill may take this much longer than one without; 3 is the product's promise at the 95th percentile. */
const SLOWDOWN = 2.5;
/** Otherwise one step in so many may carry prefill, which is beyond that percentile. */
const RARELY = 25;

/**
 * Prefill tokens that steps may take in, on average, beside running answers. Where a whole piece fits into the
 * slowdown, every step may have one. Where it does not, as beside a single answer, pieces are kept whole and made rare:
 * small ones in every step cost more for each token and hold up every token of the answer.
 *
 * @example
 * sharedTokens({ decode: 80, prefillToken: 0.4 }, 256, 480); // 300
 * sharedTokens({ decode: 12, prefillToken: 0.4 }, 256, 480); // 10.24
 */
export function sharedTokens(costs: StepCosts, piece: number, most: number): number {
  const fitting = Math.floor(((SLOWDOWN - 1) * costs.decode) / costs.prefillToken);
  return fitting >= piece ? Math.min(most, fitting) : piece / RARELY;
}

/** What is waiting already, and what is asked for. */
export interface Load {
  waiting: number;
  /** Tokens that waiting and filling sequences still have to prefill. */
  queuedTokens: number;
  /** Tokens that the new request has to prefill. */
  newTokens: number;
}

export interface LoadLimits {
  maxWaiting: number;
  maxQueuedTokens: number;
}

/** A queue longer than this makes answers so late that trying elsewhere or later is better: about ten minutes of prefill. */
export const DEFAULT_LOAD_LIMITS: LoadLimits = { maxWaiting: 256, maxQueuedTokens: 1_500_000 };

/**
 * Refuses what would wait too long. A request that finds an empty queue is always taken.
 * @param prefillRate tokens per second, as measured; it becomes the hint when to come back
 * @throws TesseraError `overloaded` with `retryAfter` in seconds
 */
export function assertRoomInQueue(load: Load, prefillRate: number, limits: LoadLimits = DEFAULT_LOAD_LIMITS): void {
  if (load.waiting === 0) return;
  const excess = load.queuedTokens + load.newTokens - limits.maxQueuedTokens;
  if (load.waiting < limits.maxWaiting && excess <= 0) return;
  const seconds = Math.max(excess, load.queuedTokens / load.waiting) / Math.max(1, prefillRate);
  const retryAfter = Math.min(3600, Math.max(1, Math.ceil(seconds)));
  throw new TesseraError(
    'overloaded',
    `${load.waiting} requests with ${load.queuedTokens} tokens are waiting already; try again in ${retryAfter} s.`,
    { retryAfter },
  );
}
