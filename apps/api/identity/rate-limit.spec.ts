import { expect, test } from 'vitest';
import { RateLimiter } from './rate-limit.js';

test('a minute’s worth at once, then evenly', () => {
  const limiter = new RateLimiter(60);
  for (let i = 0; i < 60; i++) expect(limiter.take('ada', 0)).toMatchObject({ remaining: 59 - i, retryAfter: 0 });
  expect(limiter.take('ada', 0)).toEqual({ limit: 60, remaining: 0, retryAfter: 1 });
  expect(limiter.take('bob', 0)).toMatchObject({ retryAfter: 0 });
  expect(limiter.take('ada', 1000)).toMatchObject({ retryAfter: 0 });
  expect(limiter.take('ada', 1000)).toMatchObject({ retryAfter: 1 });
  expect(limiter.take('ada', 120_000)).toMatchObject({ remaining: 59 });
});

test('0 limits nothing', () => expect(new RateLimiter(0).take('ada', 0)).toBeUndefined());
