import { describe, expect, it } from 'vitest';
import { assertRoomInQueue, sharedTokens } from './load.js';

describe('sharedTokens', () => {
  it('keeps a step with prefill under three times one without', () => {
    for (const [decode, prefillToken] of [
      [12, 0.4],
      [80, 0.5],
      [30, 0.2],
    ] as const) {
      const tokens = sharedTokens({ decode, prefillToken }, 480);
      expect(decode + tokens * prefillToken).toBeLessThan(3 * decode);
      expect(tokens).toBeGreaterThan(16);
    }
  });

  it('stays within its bounds, before anything was measured too', () => {
    expect(sharedTokens({ decode: 1000, prefillToken: 0.1 }, 480)).toBe(480);
    expect(sharedTokens({ decode: 0, prefillToken: 0 }, 480)).toBe(16);
  });
});

describe('assertRoomInQueue', () => {
  const limits = { maxWaiting: 2, maxQueuedTokens: 10_000 };

  it('takes what is within the limits, and anything when nothing waits', () => {
    assertRoomInQueue({ waiting: 1, queuedTokens: 5000, newTokens: 5000 }, 1000, limits);
    assertRoomInQueue({ waiting: 0, queuedTokens: 0, newTokens: 1_000_000 }, 1000, limits);
  });

  it('says when to come back', () => {
    expect(() => assertRoomInQueue({ waiting: 1, queuedTokens: 9000, newTokens: 6000 }, 1000, limits)).toThrow(
      expect.objectContaining({ code: 'overloaded', retryAfter: 9, message: expect.stringContaining('9 s') }),
    );
    expect(() => assertRoomInQueue({ waiting: 2, queuedTokens: 100, newTokens: 1 }, 1000, limits)).toThrow(
      expect.objectContaining({ code: 'overloaded', retryAfter: 1 }),
    );
  });
});
