import fc from 'fast-check';
import { expect, it } from 'vitest';
import { chooseSegments, type Offered } from './choice.js';

const ALL = { pages: Infinity, enough: Infinity };
const unread = (count: number, more: Partial<Offered> = {}): Offered[] =>
  Array.from({ length: count }, () => ({ tokens: 160, pages: 10, prior: 0, lies: 'nowhere', ...more }));

it('spreads what it reads evenly, and reads the same for every question', () => {
  const chosen = chooseSegments(unread(64), { pages: 160, enough: Infinity });
  expect(chosen).toEqual(Array.from({ length: 16 }, (_, i) => 4 * i));
});

it('takes what has to do with the question first, then what is known', () => {
  const offered = unread(64);
  offered[3] = { ...offered[3]!, prior: 1 };
  offered[7] = { ...offered[7]!, prior: 2 };
  for (const i of [21, 22]) offered[i] = { ...offered[i]!, lies: 'memory' };
  offered[23] = { ...offered[23]!, lies: 'disk' };
  expect(chooseSegments(offered, { pages: 10, enough: Infinity })).toEqual([7]);
  expect(chooseSegments(offered, { pages: 50, enough: Infinity })).toEqual([3, 7, 21, 22, 23]);
  expect(chooseSegments(offered, { pages: 60, enough: Infinity })).toEqual([0, 3, 7, 21, 22, 23]);
});

it('does not let a common word make every question read other segments', () => {
  const common = unread(256, { prior: 0.5 });
  const [first, second] = [0, 100].map((best) =>
    chooseSegments(
      common.map((each, i) => ({ ...each, prior: i === best ? 2 : 0.5 })),
      { pages: 640, enough: Infinity },
    ),
  );
  expect(first!.filter((i) => !second!.includes(i)).length).toBeLessThanOrEqual(8);
});

it('computes no more than is enough, but for what has to do with the question', () => {
  const offered = unread(64);
  for (let i = 0; i < 10; i++) offered[i] = { ...offered[i]!, lies: 'memory' };
  const known = Array.from({ length: 10 }, (_, i) => i);
  expect(chooseSegments(offered, { pages: 640, enough: 1600 })).toEqual(known);
  expect(chooseSegments(offered, { pages: 640, enough: 1601 })).toEqual([...known, 32]);
  offered[50] = { ...offered[50]!, prior: 1 };
  expect(chooseSegments(offered, { pages: 640, enough: 0 })).toEqual([...known, 50]);
});

it('keeps to its room, in order, and reads one segment whatever it is', () => {
  const offered = fc.record({
    tokens: fc.integer({ min: 1, max: 256 }),
    prior: fc.constantFrom(0, 0, 0.5, 2),
    lies: fc.constantFrom('nowhere' as const, 'disk' as const, 'memory' as const),
  });
  fc.assert(
    fc.property(fc.array(offered, { minLength: 1, maxLength: 80 }), fc.nat(500), fc.nat(5000), (all, pages, enough) => {
      const given = all.map((each) => ({ ...each, pages: Math.ceil(each.tokens / 16) }));
      const chosen = chooseSegments(given, { pages, enough });
      expect(chosen).toEqual([...new Set(chosen)].sort((a, b) => a - b));
      expect(chosen.length).toBeGreaterThan(0);
      const sum = chosen.reduce((total, i) => total + given[i]!.pages, 0);
      expect(sum).toBeLessThanOrEqual(Math.max(pages, given[chosen[0]!]!.pages));
      expect(chooseSegments(given, ALL)).toHaveLength(given.length);
    }),
  );
});
