import type { Medium } from '#contracts';
import type { TimeRange } from '../read/titled.js';

/** Where what was looked at ends, in seconds: with the range, or with the medium; undefined where neither says. */
export function lookedUntil({ end }: TimeRange, { duration }: Pick<Medium, 'duration'>): number | undefined {
  return end === undefined || duration === undefined ? (end ?? duration) : Math.min(end, duration);
}
