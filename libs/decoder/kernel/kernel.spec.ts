import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openGguf, readConfig, type DecoderConfig } from '#runtime';
import { Arena, type WorkingSet } from '../runner/arena.js';
import { compileKernel } from './build.js';
import { Kernel } from './kernel.js';

// A tiny model of random weights; that its logits are right is tested in decoder-families and decoder-golden.
const gguf = fileURLToPath(new URL('../golden/families/llama.gguf', import.meta.url));

async function open(threads: number): Promise<{ kernel: Kernel; config: DecoderConfig }> {
  const file = await openGguf(gguf);
  try {
    const config = readConfig(file.metadata, file.info('token_embd.weight').dims[0]!);
    const kernel = await Kernel.open({ gguf, config, threads, evidenceLayers: [1] });
    return { kernel: kernel!, config };
  } finally {
    await file.close();
  }
}

/** A working set of `rows` rows of seeded numbers. */
function filled(arena: Arena, rows: number, seed: number): WorkingSet {
  const { layers, kvHeads, headDim } = arena.shape;
  const member = arena.add(rows + 64);
  for (let layer = 0; layer < layers; layer++)
    for (let head = 0; head < kvHeads; head++) {
      const at = member.at(head, 0);
      for (let i = 0; i < rows * headDim; i++) {
        arena.keys[layer]![at + i] = Math.sin(seed + 0.37 * i + layer);
        arena.values[layer]![at + i] = Math.cos(seed + 0.11 * i + head);
      }
      member.show(layer, head, 0, rows);
    }
  member.length = rows;
  return member;
}

/** Takes in the new token's keys and values, as the runner does. */
function append(member: WorkingSet, { keys, values }: { keys: Float32Array; values: Float32Array }): void {
  const { layers, kvHeads, headDim } = member.arena.shape;
  for (let layer = 0; layer < layers; layer++) member.append(layer, 1, 1, keys, values, layer * kvHeads * headDim);
  member.length++;
  member.copied = member.length;
}

describe('the kernel', () => {
  let kernel: Kernel;
  let config: DecoderConfig;
  beforeAll(async () => {
    ({ kernel, config } = await open(2));
  });
  afterAll(() => kernel.dispose());

  const embedding = (seed: number): Float32Array =>
    Float32Array.from({ length: config.hidden }, (_, i) => Math.sin(seed + i));
  const step = (member: WorkingSet, seed: number, by = kernel): Float32Array =>
    by.step(member, embedding(seed)).logits.slice();
  const arenaOf = (): Arena => new Arena(config);

  it('is what its sources compile to', async () => {
    const written = await readFile(new URL('generated/kernel.ts', import.meta.url), 'utf8');
    expect(await compileKernel()).toBe(written);
  });

  it.each([1, 3])('gives the same bits on %i threads', async (threads) => {
    const other = await open(threads);
    try {
      for (const rows of [1, 127, 128, 300]) {
        const member = filled(arenaOf(), rows, 1);
        const expected = step(member, 2);
        member.copied = 0;
        expect(step(member, 2, other.kernel)).toEqual(expected);
        member.copied = 0;
      }
    } finally {
      await other.kernel.dispose();
    }
  });

  it('copies what others appended, and what came after a truncation', () => {
    const member = filled(arenaOf(), 10, 3);
    append(member, kernel.step(member, embedding(1)));
    append(member, kernel.step(member, embedding(2)));
    // Two rows are dropped and three others take their place, as after a refused draft.
    member.truncate(10);
    for (const seed of [3, 4, 5]) {
      const { keys, values } = kernel.step(filled(arenaOf(), 4, seed), embedding(seed));
      const known = member.copied;
      append(member, { keys, values });
      member.copied = known;
    }
    const expected = step(member, 6);
    const again = filled(arenaOf(), 10, 3);
    for (const [array, from] of [
      [again.arena.keys, member.arena.keys],
      [again.arena.values, member.arena.values],
    ] as const)
      array.forEach((plane, layer) => plane.set(from[layer]!));
    for (let layer = 0; layer < config.layers; layer++)
      for (let head = 0; head < config.kvHeads; head++) again.show(layer, head, 0, member.length);
    again.length = member.length;
    expect(step(again, 6)).toEqual(expected);
  });

  it('makes room for a longer working set', () => {
    const short = filled(arenaOf(), 20, 7);
    const expected = step(short, 8);
    step(filled(arenaOf(), 700, 9), 8);
    expect(step(short, 8)).toEqual(expected);
  });

  it('leaves hidden rows out', () => {
    const member = filled(arenaOf(), 40, 11);
    const before = filled(arenaOf(), 40, 11);
    for (let layer = 0; layer < config.layers; layer++)
      for (let head = 0; head < config.kvHeads; head++) {
        member.show(layer, head, 8, 24, false);
        const at = member.at(head, 8);
        member.arena.keys[layer]!.fill(5, at, at + 16 * config.headDim);
        before.show(layer, head, 8, 24, false);
      }
    const { logits, mass } = kernel.step(member, embedding(12));
    const [seen, shares] = [logits.slice(), mass[0]!.slice(0, 40)];
    expect(step(before, 12)).toEqual(seen);
    expect(Math.max(...shares.subarray(8, 24))).toBeLessThan(1e-12);
  });

  it('tells how much attention each row got', () => {
    const member = filled(arenaOf(), 200, 13);
    const { mass, capacity } = kernel.step(member, embedding(14));
    const group = config.heads / config.kvHeads;
    for (let head = 0; head < config.kvHeads; head++) {
      const rows = mass[0]!.subarray(head * capacity, head * capacity + 200);
      const sum = rows.reduce((total, share) => total + share, 0);
      // The rest is the token's own.
      expect(sum).toBeLessThan(group);
      expect(sum).toBeGreaterThan(group * 0.8);
    }
  });

  it('is not touched by numbers of another sequence that are none', () => {
    const good = filled(arenaOf(), 30, 15);
    const expected = step(good, 16);
    const bad = filled(arenaOf(), 33, 17);
    for (const plane of [...bad.arena.keys, ...bad.arena.values]) plane.fill(NaN, bad.at(0, 29), bad.at(0, 33));
    expect(step(bad, 16).some(Number.isNaN)).toBe(true);
    expect(step(good, 16)).toEqual(expected);
    expect(step(filled(arenaOf(), 29, 15), 16).every(Number.isFinite)).toBe(true);
  });
});
