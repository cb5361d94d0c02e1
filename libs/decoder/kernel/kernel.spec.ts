import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openGguf, readConfig, type DecoderConfig } from '#runtime';
import { filled } from '../../../test/support/working-sets.js';
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

describe('the kernel', () => {
  let kernel: Kernel;
  let config: DecoderConfig;
  beforeAll(async () => {
    ({ kernel, config } = await open(2));
  });
  afterAll(() => kernel.dispose());

  const embedding = (seed: number): Float32Array =>
    Float32Array.from({ length: config.hidden }, (_, i) => Math.sin(seed + i));
  const whole = (member: WorkingSet, seed: number, by = kernel) => {
    member.arena.reserve(member.length + 1);
    const tokens = { S: 1, appended: [1], rows: [0] };
    return by.step({ arena: member.arena, members: [member], embeddings: embedding(seed), ...tokens });
  };
  /** Logits of a token after what the member holds, which stays as it was. */
  const step = (member: WorkingSet, seed: number, by = kernel): Float32Array => {
    const { copied, length } = member;
    const logits = whole(member, seed, by).logits.slice();
    member.truncate(length);
    if (by !== kernel) member.copied = copied;
    return logits;
  };
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
      }
    } finally {
      await other.kernel.dispose();
    }
  });

  it('copies what others appended, and what came after a truncation', () => {
    const member = filled(arenaOf(), 10, 3);
    whole(member, 1);
    whole(member, 2);
    // Two rows are dropped and three others take their place, as after a refused draft; this time by the graph.
    member.truncate(10);
    const { layers, kvHeads, headDim } = member.arena.shape;
    for (const seed of [3, 4, 5]) {
      const rows = Float32Array.from({ length: kvHeads * headDim }, (_, i) => Math.sin(seed * i));
      for (let layer = 0; layer < layers; layer++) member.append(layer, 1, 1, rows, rows, 0);
      member.length++;
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
    const { logits, mass } = whole(member, 12);
    const [seen, shares] = [logits.slice(), mass[0]!.slice(0, 40)];
    expect(step(before, 12)).toEqual(seen);
    expect(Math.max(...shares.subarray(8, 24))).toBeLessThan(1e-12);
  });

  it('tells how much attention each row got', () => {
    const member = filled(arenaOf(), 200, 13);
    const { mass, capacity } = whole(member, 14);
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
