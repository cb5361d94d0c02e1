import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DecoderConfig } from '#runtime';
import type { StepBatch } from '../../libs/decoder/kernel/step-kernel.js';
import type { KernelAddon } from '../../libs/decoder/kernel/native/addon.js';
import { Arena, type WorkingSet } from '../../libs/decoder/runner/arena.js';
import { kinds, runnable, TinyKernel } from '../support/tiny-kernel.js';
import { filled } from '../support/working-sets.js';

describe.each(runnable)('steps of the native kernel for $vectors', ({ addon }) => {
  let tiny: TinyKernel;
  let config: DecoderConfig;
  beforeAll(async () => {
    tiny = await TinyKernel.open(2, addon);
    ({ config } = tiny);
  });
  afterAll(() => tiny.dispose());

  const step = (arena: Arena, seeds: readonly (readonly number[])[], by = tiny) => by.step(arena, seeds);
  const arenaOf = (...sets: readonly [rows: number, seed: number][]): Arena => tiny.arenaOf(...sets);

  it('gives a token the same bits alone, beside others, and in one step with those before it', () => {
    const sets: [number, number][] = Array.from({ length: 19 }, (_, i) => [1 + 37 * i, i]);
    const together = step(
      arenaOf(...sets),
      sets.map(([, seed]) => [seed, seed + 1]),
    );
    sets.forEach(([rows, seed], i) => {
      const arena = arenaOf([rows, seed]);
      expect(step(arena, [[seed]]).logits[0]).toEqual(together.logits[2 * i]);
      expect(step(arena, [[seed + 1]]).logits[0]).toEqual(together.logits[2 * i + 1]);
      expect(arena.members[0]!.length).toBe(rows + 2);
    });
  });

  it('does not take no threads for one', async () => {
    await expect(TinyKernel.open(0, addon)).rejects.toThrow('one thread at least');
  });

  it.each([1, 3])('gives the same bits on %i threads', async (threads) => {
    const other = await TinyKernel.open(threads, addon);
    try {
      const same = (sets: [number, number][], seeds: number[][]): void =>
        expect(step(arenaOf(...sets), seeds, other).logits).toEqual(step(arenaOf(...sets), seeds).logits);
      same(
        [
          [1, 1],
          [127, 2],
          [300, 3],
        ],
        [[1], [2, 3], [4, 5, 6]],
      );
      // Alone, its pieces of 128 rows are shared out between threads.
      same([[900, 4]], [[7]]);
    } finally {
      await other.dispose();
    }
  });

  it('writes nothing where what attention gives has no room', async () => {
    const short: KernelAddon = {
      ...addon,
      step: (...[model, sets, lengths, tokens, embeddings, phases, logits, mass, ...rest]) =>
        addon.step(model, sets, lengths, tokens, embeddings, phases, logits, mass.subarray(0, 1), ...rest),
    };
    const other = await TinyKernel.open(1, short);
    try {
      expect(() => step(arenaOf([20, 1]), [[2]], other)).toThrow('no room for attention');
    } finally {
      await other.dispose();
    }
  });

  it.each([true, false])('goes on with a copy as with what was copied, its rows in the arena too: %s', (backed) => {
    const arena = new Arena(config, true);
    const member = filled(arena, 100, 3);
    const other = filled(arena, 20, 4);
    step(arena, [[1], [1]]);
    arena.backed = backed;
    // Into one that is larger, and into none that was there.
    const [same, copied] = arena.follow([member, other], [0, 0]);
    const [, again] = arena.follow([same!], [0, 0]);
    const { logits } = step(arena, [[2], [2], [2]]);
    expect([copied, again].map((set) => set!.length)).toEqual([102, 102]);
    expect(logits[1]).toEqual(logits[0]);
    expect(logits[2]).toEqual(logits[0]);
    expect(step(arena, [[3], [4], [3]]).logits[1]).not.toEqual(logits[0]);
  });

  it('appends to the working sets what the graph would find there', () => {
    const arena = arenaOf([10, 3]);
    step(arena, [[1]]);
    const copy = new Arena(config);
    const again = filled(copy, 10, 3);
    copy.reserve(arena.capacity);
    arena.keys.forEach((plane, layer) => copy.keys[layer]!.set(plane));
    arena.values.forEach((plane, layer) => copy.values[layer]!.set(plane));
    for (let layer = 0; layer < config.layers; layer++)
      for (let head = 0; head < config.kvHeads; head++) again.show(layer, head, 0, 11);
    again.length = again.position = 11;
    expect(copy.bias).toEqual(arena.bias);
    expect(step(copy, [[2]]).logits).toEqual(step(arena, [[2]]).logits);
  });

  it('forgets what was truncated', () => {
    const arena = arenaOf([10, 3]);
    step(arena, [[1, 2, 3]]);
    arena.members[0]!.truncate(11);
    const fresh = arenaOf([10, 3]);
    step(fresh, [[1]]);
    expect(step(arena, [[7]]).logits).toEqual(step(fresh, [[7]]).logits);
  });

  it('makes room for a longer working set', () => {
    const arena = arenaOf([100, 7]);
    for (let seed = 0; seed < 90; seed++) step(arena, [[seed]]);
    const whole = arenaOf([100, 7]);
    step(whole, [Array.from({ length: 90 }, (_, seed) => seed)]);
    expect(step(arena, [[5]]).logits).toEqual(step(whole, [[5]]).logits);
  });

  it('leaves hidden rows out', () => {
    const arena = arenaOf([40, 11]);
    const other = arenaOf([40, 11]);
    const hide = ([member]: readonly WorkingSet[], fill: number): void => {
      for (let layer = 0; layer < config.layers; layer++)
        for (let head = 0; head < config.kvHeads; head++) {
          member!.show(layer, head, 8, 24, false);
          const at = member!.at(head, 8);
          member!.arena.keys[layer]!.fill(fill, at, at + 16 * config.headDim);
        }
    };
    hide(arena.members, 5);
    hide(other.members, -2);
    const { logits, mass } = step(arena, [[12]]);
    expect(Math.max(...mass[0]!.subarray(8, 24))).toBeLessThan(1e-12);
    expect(step(other, [[12]]).logits).toEqual(logits);
  });

  it('tells how much attention each row got, of all new tokens', () => {
    const group = config.heads / config.kvHeads;
    const { mass, capacity } = step(arenaOf([200, 13], [30, 14]), [[14, 15], [16]]);
    const shares = (member: number, head: number, rows: number): number => {
      const at = (member * config.kvHeads + head) * capacity;
      return mass[0]!.subarray(at, at + rows).reduce((sum, share) => sum + share, 0);
    };
    for (let head = 0; head < config.kvHeads; head++) {
      // The rest is the new tokens' own.
      expect(shares(0, head, 200)).toBeLessThan(2 * group);
      expect(shares(0, head, 200)).toBeGreaterThan(2 * group * 0.8);
      expect(shares(1, head, 30)).toBeLessThan(group);
      expect(shares(1, head, 30)).toBeGreaterThan(group * 0.8);
    }
  });

  it('is not touched by numbers of another sequence that are none', () => {
    const arena = arenaOf([30, 15], [33, 17]);
    const bad = arena.members[1]!;
    for (const plane of [...arena.keys, ...arena.values]) plane.fill(NaN, bad.at(0, 29), bad.at(0, 33));
    const { logits } = step(arena, [[16], [16]]);
    expect(logits[1]!.some(Number.isNaN)).toBe(true);
    expect(logits[0]).toEqual(step(arenaOf([30, 15]), [[16]]).logits[0]);
  });

  it('gives its copies back with the working sets, and goes on after those have left', () => {
    const arena = arenaOf([20, 1], [20, 2], [20, 3]);
    const before = step(arena, [[1], [2], [3]]).logits;
    arena.remove(arena.members[0]!);
    const after = step(arena, [[1], [1]]);
    expect(after.logits.flatMap((row) => [...row]).every(Number.isFinite)).toBe(true);
    for (const member of [...arena.members]) arena.remove(member);
    expect(step(arenaOf([20, 1], [20, 2], [20, 3]), [[1], [2], [3]]).logits).toEqual(before);
  });

  it('leaves long steps and working sets to the graph', () => {
    const batch = (tokens: number, rows: number): StepBatch => {
      const arena = arenaOf([rows, 1]);
      const embeddings = new Float32Array(tokens * config.hidden);
      return { arena, members: arena.members, S: tokens, appended: [tokens], rows: [tokens - 1], embeddings };
    };
    expect(tiny.kernel.takes(batch(256, 10))).toBe(true);
    expect(tiny.kernel.takes(batch(257, 10))).toBe(false);
    expect(tiny.kernel.takes(batch(1, 16_400))).toBe(false);
  });
});

it.skipIf(kinds.some(({ addon }) => !addon))('kernels for all kinds of vectors agree', async () => {
  const rows = await Promise.all(
    runnable.map(async ({ addon }) => {
      const tiny = await TinyKernel.open(2, addon);
      const [logits] = tiny.step(tiny.arenaOf([150, 3]), [[0]]).logits;
      await tiny.dispose();
      return logits!;
    }),
  );
  const [first, ...others] = rows;
  const most = Math.max(...first!.map(Math.abs));
  for (const other of others)
    other.forEach((logit, i) => expect(Math.abs(logit - first![i]!)).toBeLessThan(0.01 * most));
});
