import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Arena, HIDDEN, type RowHolder, type WorkingSet } from './arena.js';

const SHAPE = { layers: 2, kvHeads: 2, headDim: 4 };
const rowOf = (n: number): Float32Array => new Float32Array(SHAPE.kvHeads * SHAPE.headDim).fill(n);

/** Writes row `row` of every layer and head, and shows it. */
function fill(member: WorkingSet, row: number, n: number): void {
  for (let layer = 0; layer < SHAPE.layers; layer++)
    for (let head = 0; head < SHAPE.kvHeads; head++) {
      member.write(layer, head, row, 1, rowOf(n), rowOf(-n));
      member.show(layer, head, row, row + 1);
    }
}

describe('working sets that decode together', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

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
    expect(arena.keys[0]!.every((x) => x === 0)).toBe(true);
  });

  test('a faulty one leaves nothing that is no number, where rows were checked before neither', () => {
    const arena = new Arena(SHAPE);
    const [first, faulty, third] = [arena.add(10, 3), arena.add(10, 3), arena.add(10, 3)];
    for (const member of [first, faulty, third]) {
      member.checked = 5;
      fill(member, 4, 1);
      fill(member, 7, member === faulty ? NaN : 2);
    }
    arena.reserve(100);
    arena.remove(first);
    expect(third.slot).toBe(0);
    arena.remove(faulty);
    for (const data of [...arena.keys, ...arena.values]) expect(data.every(Number.isFinite)).toBe(true);
    expect([arena.keys[0]![third.at(1, 4)], arena.keys[1]![third.at(0, 7)]]).toEqual([1, 2]);
  });

  test('memory is used again, whatever its rows were, and given back after a while', () => {
    const arena = new Arena(SHAPE);
    const members = [arena.add(100, 4), arena.add(100, 4)];
    const [keys] = arena.keys;
    members.forEach((member) => fill(member, 99, 9));
    members.forEach((member) => arena.remove(member));
    vi.advanceTimersByTime(1000);
    const others = [1, 2, 3, 4, 5, 6].map(() => arena.add(10));
    expect(arena.keys[0]).toBe(keys);
    expect(arena.capacity).toBe(64);
    expect(arena.bias.subarray(0, 6 * SHAPE.layers * SHAPE.kvHeads * 64).every((x) => x === HIDDEN)).toBe(true);
    vi.advanceTimersByTime(100_000);
    expect(arena.bytes).toBeGreaterThan(0);
    others.forEach((member) => arena.remove(member));
    vi.advanceTimersByTime(100_000);
    expect(arena.bytes).toBe(0);
  });

  test('more rows in the same memory move what is there, and show nothing new', () => {
    const arena = new Arena(SHAPE);
    const members = [1, 2, 3, 4].map((n) => {
      const member = arena.add(200, 4);
      fill(member, 7, n);
      return member;
    });
    members.forEach((member) => arena.remove(member));
    const again = [5, 6, 7].map((n) => {
      const member = arena.add(60);
      fill(member, 59, n);
      return member;
    });
    const [keys] = arena.keys;
    arena.reserve(150);
    expect(arena.keys[0]).toBe(keys);
    again.forEach((member, i) => {
      expect(arena.keys[1]![member.at(1, 59)]).toBe(5 + i);
      expect(arena.values[0]![member.at(0, 59)]).toBe(-5 - i);
    });
    const shown = arena.bias.subarray(0, 3 * SHAPE.layers * SHAPE.kvHeads * arena.capacity).filter((x) => x === 0);
    expect(shown).toHaveLength(3 * SHAPE.layers * SHAPE.kvHeads);
  });

  test('those of answers that are written side by side are copied, exchanged and left', () => {
    const arena = new Arena(SHAPE);
    const [a, b, other] = [1, 2, 3].map((n) => {
      const member = arena.add(10);
      fill(member, 0, n);
      return Object.assign(member, { length: 1, position: 1 });
    });
    const holds = (member: WorkingSet): number => arena.keys[1]![member.at(1, 0)]!;
    expect(arena.follow([a!, b!], [1, 0])).toEqual([b, a]);
    const [first, second] = arena.follow([a!, b!], [1, 1]);
    expect([first, second, holds(a!), holds(b!)]).toEqual([b, a, 2, 2]);
    expect(arena.follow([a!], [0, 0])).toHaveLength(2);
    const third = arena.members[3]!;
    expect([third.length, third.position, holds(third)]).toEqual([1, 1, 2]);
    // What one writes from now on is its own.
    fill(third, 1, 9);
    expect([a!, b!, third].map((member) => arena.keys[0]![member.at(0, 1)])).toEqual([0, 0, 9]);
    expect(arena.follow([a!, b!, third], [1])).toEqual([b]);
    expect([arena.members.length, holds(b!), holds(other!)]).toEqual([2, 2, 3]);
  });

  test('what a kernel holds alone takes no memory until somebody needs it there, and none again when all have left', () => {
    const arena = new Arena(SHAPE, false);
    const left: WorkingSet[] = [];
    const numbers = new Map<WorkingSet, number>();
    let enough = false;
    const holder: RowHolder = {
      restore: (member) => {
        if (!enough) throw new Error('no memory');
        for (let row = 0; row < member.length; row++) fill(member, row, numbers.get(member)!);
      },
      leave: (member) => void left.push(member),
      copy: (from, to) => void numbers.set(to, numbers.get(from)!),
    };
    const members = [1, 2, 3].map((n) => {
      const member = arena.add(10);
      Object.assign(member, { holder, length: n });
      numbers.set(member, n);
      return member;
    });
    arena.reserve(100);
    arena.remove(members[0]!);
    expect([members[2]!.slot, left, arena.bytes]).toEqual([0, [members[0]], 0]);
    expect(() => arena.back()).toThrow('no memory');
    expect([arena.backed, arena.bytes]).toEqual([false, 0]);
    expect(arena.capacity).toBeGreaterThanOrEqual(100);
    enough = true;
    arena.back();
    for (const n of [2, 3])
      expect(arena.keys[1]!.subarray(members[n - 1]!.at(1, 0), members[n - 1]!.at(1, n))).toEqual(
        new Float32Array(n * SHAPE.headDim).fill(n),
      );
    const shown = arena.bias.filter((x) => x === 0);
    expect(shown).toHaveLength((2 + 3) * SHAPE.layers * SHAPE.kvHeads);
    arena.remove(members[1]!);
    arena.remove(members[2]!);
    expect([arena.backed, arena.bytes]).toEqual([false, 0]);
  });

  test('of new rows the first are taken in, each head’s own', () => {
    const arena = new Arena(SHAPE);
    const member = arena.add(10);
    member.length = 3;
    // [kvHeads, 3 given, headDim]: head 0 has rows 0, 1, 2, head 1 rows 3, 4, 5.
    const rows = Float32Array.from({ length: 6 * SHAPE.headDim }, (_, i) => Math.floor(i / SHAPE.headDim));
    member.append(1, 2, 3, rows, rows, 0);
    expect([0, 1].map((head) => [3, 4, 5].map((row) => arena.keys[1]![member.at(head, row)]))).toEqual([
      [0, 1, 0],
      [3, 4, 0],
    ]);
    const bias = arena.bias.subarray(2 * arena.capacity, 3 * arena.capacity);
    expect([2, 3, 4, 5].map((row) => bias[row])).toEqual([HIDDEN, 0, 0, HIDDEN].map(Math.fround));
  });
});
