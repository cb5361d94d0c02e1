import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DraftIndex } from './draft-index.js';
import { DraftLength } from './draft-length.js';

const words = (text: string): number[] =>
  text.split(' ').map((word) => [...word].reduce((h, c) => h * 31 + c.charCodeAt(0), 7) % 49152);

describe('DraftIndex', () => {
  it('continues a quotation', () => {
    const index = new DraftIndex([words('the mayor opened the new bridge over the river'), words('rain is expected')]);
    for (const token of words('he said that the mayor opened')) index.push(token);
    expect(index.draft(4)).toEqual(words('the new bridge over'));
    expect(index.draft(0)).toEqual([]);
  });

  it('prefers the longest match over the newest, and the newest among equals', () => {
    const index = new DraftIndex([
      [1, 2, 3, 4, 5],
      [9, 3, 4, 6],
      [3, 4, 7],
    ]);
    for (const token of [2, 3, 4]) index.push(token);
    expect(index.draft(1)).toEqual([5]);
    const other = new DraftIndex([
      [8, 3, 4, 6],
      [3, 4, 7],
    ]);
    for (const token of [3, 4]) other.push(token);
    expect(other.draft(3)).toEqual([7]);
  });

  it('does not run over the end of a text', () => {
    const index = new DraftIndex([
      [1, 2, 3],
      [4, 5],
    ]);
    for (const token of [1, 2]) index.push(token);
    expect(index.draft(5)).toEqual([3]);
    index.push(3);
    expect(index.draft(5)).toEqual([]);
  });

  it('finds repetition in the answer itself', () => {
    const index = new DraftIndex([]);
    for (const token of [5, 6, 7, 5, 6]) index.push(token);
    expect(index.draft(8)).toEqual([7, 5, 6]);
  });

  it('drafts what somewhere followed the last two tokens, and only then', () => {
    const text = fc.array(fc.nat(4), { maxLength: 30 });
    fc.assert(
      fc.property(fc.array(text, { maxLength: 4 }), text, fc.integer({ min: 1, max: 6 }), (texts, answer, count) => {
        const index = new DraftIndex(texts);
        for (const token of answer) index.push(token);
        const draft = index.draft(count);
        const tail = answer.slice(-2);
        const follows = [...texts, answer].some((t) =>
          t.some(
            (_, i) =>
              t[i] === tail[0] && t[i + 1] === tail[1] && i + 2 < t.length && draft.every((d, n) => t[i + 2 + n] === d),
          ),
        );
        if (answer.length < 2) expect(draft).toEqual([]);
        else if (draft.length > 0) expect(follows).toBe(true);
        else {
          const anywhere = [...texts, answer].some((t) =>
            t.some((_, i) => t[i] === tail[0] && t[i + 1] === tail[1] && i + 2 < t.length),
          );
          expect(anywhere).toBe(false);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('DraftLength', () => {
  const costs = { step: 12, checking: 12, token: 1.2 };

  it('drafts more the more is accepted, and stops where it does not pay', () => {
    const good = new DraftLength(costs, 8);
    for (let i = 0; i < 20; i++) good.outcome(good.next(), good.next());
    expect(good.next()).toBe(8);
    const bad = new DraftLength(costs, 8);
    for (let i = 0; i < 20; i++) bad.outcome(4, 0);
    const lengths = Array.from({ length: 200 }, () => bad.next());
    expect(lengths.filter((length) => length > 0).length).toBeLessThan(8);
    expect(Math.max(...lengths)).toBe(2);
  });

  it('comes back when drafts are accepted again', () => {
    const length = new DraftLength(costs, 8);
    for (let i = 0; i < 20; i++) length.outcome(4, 0);
    for (let i = 0; i < 600; i++) {
      const drafted = length.next();
      length.outcome(drafted, drafted);
    }
    expect(length.next()).toBeGreaterThan(3);
  });

  it('never drafts where a token in a batch costs as much as a step', () => {
    const length = new DraftLength({ step: 10, checking: 10, token: 10 }, 8);
    for (let i = 0; i < 10; i++) length.outcome(1, 1);
    expect(length.acceptance).toBeGreaterThan(0.8);
    expect(Array.from({ length: 40 }, () => length.next()).filter((n) => n > 0).length).toBeLessThan(3);
  });
});
