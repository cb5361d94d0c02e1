import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Piece, prefixAddress, segmentAddress } from './content-address.js';

const piece: fc.Arbitrary<Piece> = fc.oneof(
  fc.record({ type: fc.constant('tokens' as const), ids: fc.array(fc.nat(49151), { maxLength: 6 }) }),
  fc.record({
    type: fc.constant('embeddings' as const),
    hash: fc.string({ maxLength: 4 }),
    rows: fc.integer({ min: 1, max: 32 }),
  }),
);

it('is equal for equal content only, and depends on pack, prefix and segment', () => {
  fc.assert(
    fc.property(fc.array(piece), fc.array(piece), (a, b) => {
      const same = JSON.stringify(a) === JSON.stringify(b);
      expect(prefixAddress('pack', a) === prefixAddress('pack', b)).toBe(same);
      expect(segmentAddress('p', a) === segmentAddress('p', b)).toBe(same);
    }),
  );
  expect(prefixAddress('one', [])).not.toBe(prefixAddress('two', []));
  expect(segmentAddress('one', [])).not.toBe(segmentAddress('two', []));
});

it('takes the same ids from any array', () => {
  expect(prefixAddress('p', [{ type: 'tokens', ids: new Int32Array([1, 2]) }])).toBe(
    prefixAddress('p', [{ type: 'tokens', ids: [1, 2] }]),
  );
  expect(prefixAddress('p', [])).toMatch(/^[0-9a-f]{64}$/);
});
