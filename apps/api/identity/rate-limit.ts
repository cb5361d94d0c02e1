export interface Taken {
  limit: number;
  remaining: number;
  /** Seconds to wait; 0 when the request may go on. */
  retryAfter: number;
}

/** A bucket per caller that holds a minute's requests and fills up evenly. Each API process counts for itself. */
export class RateLimiter {
  private readonly buckets = new Map<string, { level: number; at: number }>();
  private prunedAt = 0;

  /** `perMinute` 0 limits nothing. */
  constructor(private readonly perMinute: number) {}

  take(who: string, now: number): Taken | undefined {
    const { perMinute } = this;
    if (perMinute === 0) return undefined;
    this.prune(now);
    const bucket = this.buckets.get(who) ?? { level: perMinute, at: now };
    const level = Math.min(perMinute, bucket.level + ((now - bucket.at) / 60_000) * perMinute);
    const allowed = level >= 1;
    const left = allowed ? level - 1 : level;
    this.buckets.set(who, { level: left, at: now });
    const retryAfter = allowed ? 0 : Math.ceil(((1 - level) / perMinute) * 60);
    return { limit: perMinute, remaining: Math.floor(left), retryAfter };
  }

  /** A bucket that has filled up again is as good as none. */
  private prune(now: number): void {
    if (now - this.prunedAt < 60_000) return;
    this.prunedAt = now;
    for (const [who, { at }] of this.buckets) if (now - at >= 60_000) this.buckets.delete(who);
  }
}
