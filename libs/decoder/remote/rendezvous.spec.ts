import fc from 'fast-check';
import { expect, test } from 'vitest';
import { materialOf, rendezvous } from './rendezvous.js';

const nodes = ['a', 'b', 'c', 'd'].map((name) => ({ name: `grpc://${name}:50051` }));
const keys = Array.from({ length: 2000 }, (_, i) => `medium ${i}`);
const first = (of: typeof nodes, key: string) => rendezvous(of, key)[0]?.name;
const segment = (mediumId: string) => ({ parts: [], span: { mediumId }, quote: '' });

test('the order of nodes does not matter, and each of them is asked in the end', () => {
  fc.assert(
    fc.property(fc.shuffledSubarray(nodes, { minLength: 4 }), fc.string(), (shuffled, key) => {
      expect(rendezvous(shuffled, key)).toEqual(rendezvous(nodes, key));
      expect(new Set(rendezvous(nodes, key))).toEqual(new Set(nodes));
    }),
  );
});

test('keys are spread evenly, and only those of a node that leaves move', () => {
  for (const node of nodes) {
    const share = keys.filter((key) => first(nodes, key) === node.name).length / keys.length;
    expect(Math.abs(share - 1 / nodes.length)).toBeLessThan(0.05);
  }
  const [gone, ...rest] = nodes;
  for (const key of keys) if (first(nodes, key) !== gone?.name) expect(first(rest, key)).toBe(first(nodes, key));
});

test('a request goes where most of its material is', () => {
  expect(materialOf({ segments: ['x', 'y', 'y'].map(segment) })).toBe('y');
  expect(materialOf({ segments: [] })).toBeUndefined();
});
