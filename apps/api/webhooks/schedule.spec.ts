import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { judge, MAX_TRIES, retryAfterOf } from './schedule.js';

describe('what follows from an attempt', () => {
  test('2xx is a yes; 410 and a forbidden address are a no for ever; all else is tried again', () => {
    for (const status of [200, 202, 204, 299]) expect(judge({ status }, 1, 0)).toEqual({ state: 'delivered' });
    expect(judge({ status: 410 }, 1, 0)).toEqual({ state: 'failed' });
    expect(judge({ error: 'url_not_allowed' }, 1, 0)).toEqual({ state: 'failed' });
    for (const status of [199, 302, 400, 404, 500]) expect(judge({ status }, 1, 0).state).toBe('pending');
    expect(judge({ error: 'url_unreachable' }, 1, 0).state).toBe('pending');
  });

  test('pauses grow fourfold between half and the whole of their step, and end', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: MAX_TRIES - 1 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (n, random) => {
          const { state, pauseSeconds = 0 } = judge({ status: 500 }, n, random);
          const step = 5 * 4 ** (n - 1);
          return state === 'pending' && pauseSeconds >= step / 2 && pauseSeconds < step;
        },
      ),
    );
    expect(judge({ status: 500 }, MAX_TRIES, 0)).toEqual({ state: 'failed' });
  });

  test('a receiver may ask for more time, up to a day, never for less', () => {
    expect(judge({ status: 503, retryAfter: 100 }, 1, 0).pauseSeconds).toBe(100);
    expect(judge({ status: 429, retryAfter: 1 }, 3, 0).pauseSeconds).toBe(40);
    expect(judge({ status: 429, retryAfter: 1e9 }, 1, 0).pauseSeconds).toBe(86_400);
  });
});

test('Retry-After is seconds or a date', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  expect(retryAfterOf(undefined, now)).toBeUndefined();
  expect(retryAfterOf('120', now)).toBe(120);
  expect(retryAfterOf('Thu, 01 Jan 2026 00:01:00 GMT', now)).toBe(60);
  expect(retryAfterOf('Wed, 31 Dec 2025 00:00:00 GMT', now)).toBe(0);
  expect(retryAfterOf('soon', now)).toBeUndefined();
});
