import { describe, expect, test } from 'vitest';
import { Arena } from './arena.js';

const SHAPE = { layers: 2, kvHeads: 2, headDim: 4 };
const rowOf = (n: number): Float32Array => new Float32Array(SHAPE.kvHeads * SHAPE.headDim).fill(n);

describe('working sets that decode together', () => {
  test('room for those that are expected is made at once', () => {
    const arena = new Arena(SHAPE);
    arena.add(10, 3);
    const [keys] = arena.keys;
    arena.add(10, 3);
    arena.add(10, 3);
    expect(arena.keys[0]).toBe(keys);
    arena.add(10);
    expect(arena.keys[0]).not.toBe(keys);
  });

  test('what they hold stays where more room is made, in number and in rows', () => {
    const arena = new Arena(SHAPE);
    const members = [1, 2, 3].map((n) => {
      const member = arena.add(10);
      for (let layer = 0; layer < SHAPE.layers; layer++)
        for (let head = 0; head < SHAPE.kvHeads; head++) {
          member.write(layer, head, 5, 1, rowOf(n + 10 * layer), rowOf(-n));
          member.show(layer, head, 5, 6);
        }
      return member;
    });
    arena.reserve(500);
    members.forEach((member, i) => {
      const at = member.at(1, 5);
      expect(arena.keys[1]![at]).toBe(i + 11);
      expect(arena.values[0]![at + SHAPE.headDim - 1]).toBe(-(i + 1));
    });
  });

  test('the last takes the place of one that leaves, whose memory is cleared', () => {
    const arena = new Arena(SHAPE);
    const [first, second] = [arena.add(10, 2), arena.add(10, 2)];
    second.write(0, 0, 0, 1, rowOf(7), rowOf(8));
    const left = second.at(0, 0);
    arena.remove(first);
    expect(second.slot).toBe(0);
    expect(arena.keys[0]![second.at(0, 0)]).toBe(7);
    expect(arena.keys[0]![left]).toBe(0);
    arena.remove(second);
    expect(arena.bytes).toBe(0);
  });
});
