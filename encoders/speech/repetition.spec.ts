import { describe, expect, it } from 'vitest';
import { loopStart, unendedLoopStart } from './repetition.js';

describe('loopStart', () => {
  it('lets repetition pass that people say', () => {
    expect(loopStart([5, 5, 5])).toBeUndefined();
    expect(loopStart([1, 2, 3, 1, 2, 3])).toBeUndefined();
    expect(loopStart([1, 2, 3, 4, 5, 6, 7])).toBeUndefined();
  });

  it('keeps one copy of a loop', () => {
    expect(loopStart([9, 8, 5, 5, 5, 5, 5, 5])).toBe(3);
    expect(loopStart([9, 1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 1, 2, 3, 4, 5])).toBe(6);
  });
});

describe('unendedLoopStart', () => {
  it('sees a loop whose last copy was cut off', () => {
    expect(unendedLoopStart([9, 1, 2, 3, 4, 1, 2, 3, 4, 1, 2])).toBe(5);
    expect(unendedLoopStart([9, 1, 2, 3, 4, 1, 2, 3, 4, 7, 8])).toBeUndefined();
    expect(unendedLoopStart([1, 2, 3, 4, 5, 6])).toBeUndefined();
  });
});
