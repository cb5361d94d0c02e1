import { describe, expect, it } from 'vitest';
import { assertRoomInQueue, sharedTokens } from './load.js';

describe('sharedTokens', () => {
  it('keeps a step with a piece of prefill under three times one without, where a piece fits', () => {
    for (const [decode, prefillToken] of [
      [80, 0.4],
      [30, 0.1],
    ] as const) {
      const tokens = sharedTokens({ decode, prefillToken }, 256, 480);
      expect(decode + tokens * prefillToken).toBeLessThan(3 * decode);
      expect(tokens).toBeGreaterThanOrEqual(256);
    }
    expect(sharedTokens({ decode: 1000, prefillToken: 0.1 }, 256, 480)).toBe(480);
  });

  it('makes pieces rarer than one token in twenty where none fits, and before anything was measured', () => {
    expect(sharedTokens({ decode: 12, prefillToken: 0.4 }, 256, 480)).toBeLessThan(256 / 20);
    expect(sharedTokens({ decode: 0, prefillToken: 0 }, 256, 480)).toBeGreaterThan(0);
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
