import type { ErrorCode } from '#contracts';
import type { DeliveryState } from '#storage';

/** 5 s, 20 s, 80 s, 5 min, 21 min, 85 min, 5.7 h at most: a receiver may be away for a night's half. */
export const MAX_TRIES = 8;
const FIRST_PAUSE_SECONDS = 5;
const FACTOR = 4;
/** A receiver may ask for more time, but not for ever. */
const MAX_PAUSE_SECONDS = 86_400;

/** What came of one POST: a status, or the reason why there is none. */
export type Outcome = { status: number; retryAfter?: number } | { error: ErrorCode };

export interface Verdict {
  state: Extract<DeliveryState, 'delivered' | 'pending' | 'failed'>;
  pauseSeconds?: number;
}

/** Only 2xx is a yes. `410 Gone` is a no for ever, and so is an address that may not be called. */
const isFinal = (outcome: Outcome) =>
  'status' in outcome ? outcome.status === 410 : outcome.error === 'url_not_allowed';

/**
 * What follows from an attempt. `tries` counts it; `random` is in [0, 1): pauses lie between half and the whole of their step, so
 * that what failed together does not come back together.
 */
export function judge(outcome: Outcome, tries: number, random: number): Verdict {
  if ('status' in outcome && outcome.status >= 200 && outcome.status < 300) return { state: 'delivered' };
  if (isFinal(outcome) || tries >= MAX_TRIES) return { state: 'failed' };
  const step = FIRST_PAUSE_SECONDS * FACTOR ** (tries - 1);
  const asked = 'status' in outcome ? (outcome.retryAfter ?? 0) : 0;
  return { state: 'pending', pauseSeconds: Math.min(MAX_PAUSE_SECONDS, Math.max(asked, step * (0.5 + random / 2))) };
}

/** Seconds of a `Retry-After` header (RFC 9110): a number, or a date. */
export function retryAfterOf(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d+$/.test(header.trim())) return Number(header);
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, (date - now) / 1000);
}
