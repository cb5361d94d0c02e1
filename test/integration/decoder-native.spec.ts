import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openGguf, readConfig, type DecoderConfig } from '#runtime';
import { loadAddonFor, VECTORS, type KernelAddon, type Vectors } from '../../libs/decoder/kernel/native/addon.js';
import { NativeKernel } from '../../libs/decoder/kernel/native/native-kernel.js';
import type { StepBatch } from '../../libs/decoder/kernel/step-kernel.js';
import { rotaryTable } from '../../libs/decoder/pool/rotary.js';
import { Arena, type WorkingSet } from '../../libs/decoder/runner/arena.js';
import type { Prefilled } from '../../libs/decoder/runner/prefilled.js';
import type { PrefixRows } from '../../libs/decoder/runner/prefix-rows.js';
import type { PageChoice } from '../../libs/decoder/runner/selection.js';
import { filled } from '../support/working-sets.js';

// A tiny model of random weights; that its logits are right is tested in decoder-families and decoder-golden.
const gguf = fileURLToPath(new URL('../../libs/decoder/golden/families/llama.gguf', import.meta.url));

async function open(threads: number, addon: KernelAddon): Promise<{ kernel: NativeKernel; config: DecoderConfig }> {
  const file = await openGguf(gguf);
  try {
    const config = readConfig(file.metadata, file.info('token_embd.weight').dims[0]!);
    return { kernel: (await NativeKernel.open({ gguf, config, threads, evidenceLayers: [1] }, addon))!, config };
  } finally {
    await file.close();
  }
}

const kinds = (Object.keys(VECTORS) as Vectors[]).map((vectors) => ({ vectors, addon: loadAddonFor(vectors)! }));

describe.each(kinds.filter(({ addon }) => addon))('the native kernel for $vectors', ({ addon }) => {
  let kernel: NativeKernel;
  let config: DecoderConfig;
  beforeAll(async () => {
    ({ kernel, config } = await open(2, addon));
  });
  afterAll(() => kernel.dispose());

  const embedding = (seed: number): number[] => Array.from({ length: config.hidden }, (_, i) => Math.sin(seed + i));

  /** Each member gets the tokens of its seeds, padded to the longest; logits of all tokens, member by member. */
  function step(arena: Arena, seeds: readonly (readonly number[])[], by = kernel) {
    const S = Math.max(...seeds.map(({ length }) => length));
    const rows = seeds.flatMap((own, i) => own.map((_, s) => i * S + s));
    const padded = seeds.flatMap((own) => Array.from({ length: S }, (_, s) => embedding(own[s] ?? 99)));
    arena.reserve(Math.max(...arena.members.map(({ length }) => length)) + S);
    const appended = seeds.map(({ length }) => length);
    const batch: StepBatch = {
      arena,
      members: arena.members,
      S,
      appended,
      rows,
      embeddings: new Float32Array(padded.flat()),
    };
    expect(by.takes(batch)).toBe(true);
    const { logits, mass, capacity } = by.step(batch);
    const { vocabulary } = config;
    return { logits: rows.map((_, i) => logits.slice(i * vocabulary, (i + 1) * vocabulary)), mass, capacity };
  }

  const arenaOf = (...sets: readonly [rows: number, seed: number][]): Arena => {
    const arena = new Arena(config);
    for (const [rows, seed] of sets) filled(arena, rows, seed);
    return arena;
  };

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

  it.each([1, 3])('gives the same bits on %i threads', async (threads) => {
    const other = await open(threads, addon);
    try {
      const seeds = [[1], [2, 3], [4, 5, 6]];
      const [one, two] = [arenaOf([1, 1], [127, 2], [300, 3]), arenaOf([1, 1], [127, 2], [300, 3])];
      expect(step(one, seeds, other.kernel).logits).toEqual(step(two, seeds).logits);
    } finally {
      await other.kernel.dispose();
    }
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

  const segment = (tokens: number, seed: number): Float32Array =>
    new Float32Array(Array.from({ length: tokens }, (_, t) => embedding(seed + t)).flat());

  const prefixOf = (tokens: number, seed: number): PrefixRows => {
    const { layers, kvHeads, headDim } = config;
    const rows = (by: number): Float32Array[] =>
      Array.from({ length: layers }, (_, layer) =>
        Float32Array.from({ length: kvHeads * tokens * headDim }, (_, i) => Math.sin(seed + by * i + layer)),
      );
    return { tokens, keys: rows(0.37), values: rows(0.11) };
  };

  describe('prefill', () => {
    /** Keys (without phase), values and their scales of one segment, layer and KV head. */
    function pages({ out }: Prefilled, segments: number, T: number, index: number, layer: number, head: number) {
      const at = (layer * segments + index) * config.kvHeads + head;
      const part = (name: string, size: number) => [
        ...(out[name]!.data as Float32Array).subarray(at * size, (at + 1) * size),
      ];
      const { headDim } = config;
      return {
        keys: part('keys', T * headDim),
        values: part('values', T * headDim),
        keyScales: part('key_scales', T / 16),
        valueScales: part('value_scales', T),
      };
    }

    const everyHead = (): [layer: number, head: number][] =>
      Array.from({ length: config.layers * config.kvHeads }, (_, i) => [
        Math.floor(i / config.kvHeads),
        i % config.kvHeads,
      ]);

    it('computes what a step appends, in eight bits and keys without phase', () => {
      const prefix = prefixOf(5, 3);
      const arena = new Arena(config);
      const member = arena.add(64);
      for (const [layer, head] of everyHead()) {
        member.write(layer, head, 0, 5, prefix.keys[layer]!, prefix.values[layer]!);
        member.show(layer, head, 0, 5);
      }
      member.length = member.position = 5;
      step(arena, [Array.from({ length: 21 }, (_, t) => 40 + t)]);
      const filled = kernel.prefill(prefix, [segment(21, 40)])!;
      const { headDim, theta } = config;
      const rotary = rotaryTable({ positions: 64, headDim, theta, pairs: 'halves' });
      const half = headDim / 2;
      for (const [layer, head] of everyHead()) {
        const { keys, values, keyScales, valueScales } = pages(filled, 1, 32, 0, layer, head);
        const [ours, theirs]: [number[], number[]] = [[], []];
        for (let t = 0; t < 21; t++) {
          const at = member.at(head, 5 + t);
          for (let d = 0; d < headDim; d++) {
            const pair = d < half ? d + half : d - half;
            const [a, b] = [d, pair].map((i) => (keys[t * headDim + i]! - 128) * keyScales[t >> 4]!) as [
              number,
              number,
            ];
            const phase = (5 + t) * half + (d % half);
            ours.push(
              a * rotary.cos[phase]! + (d < half ? -b : b) * rotary.sin[phase]!,
              values[t * headDim + d]! * valueScales[t]!,
            );
            theirs.push(arena.keys[layer]![at + d]!, arena.values[layer]![at + d]!);
          }
        }
        const norm = Math.hypot(...theirs);
        expect(Math.hypot(...ours.map((x, i) => x - theirs[i]!))).toBeLessThan(0.03 * norm);
      }
    });

    it('gives a segment the same bits alone, beside others, on any number of threads', async () => {
      const lengths = [3, 16, 70, 150, 40];
      const prefix = prefixOf(7, 1);
      const together = kernel.prefill(prefix, lengths.map(segment))!;
      const other = await open(3, addon);
      lengths.forEach((length, i) => {
        const T = Math.ceil(length / 16) * 16;
        const alone = other.kernel.prefill(prefix, [segment(length, i)])!;
        for (const [layer, head] of everyHead()) {
          const [all, one] = [pages(together, lengths.length, 160, i, layer, head), pages(alone, 1, T, 0, layer, head)];
          const rows = length * config.headDim;
          expect(all.keys.slice(0, rows)).toEqual(one.keys.slice(0, rows));
          expect(all.values.slice(0, rows)).toEqual(one.values.slice(0, rows));
          expect(all.keyScales.slice(0, T / 16)).toEqual(one.keyScales);
          expect(all.valueScales.slice(0, length)).toEqual(one.valueScales.slice(0, length));
        }
      });
      await other.kernel.dispose();
    });

    it('continues a long segment where its first tokens ended', () => {
      const prefix = prefixOf(2, 5);
      const [long, short] = [kernel.prefill(prefix, [segment(600, 9)])!, kernel.prefill(prefix, [segment(320, 9)])!];
      for (const [layer, head] of everyHead()) {
        const [all, first] = [pages(long, 1, 608, 0, layer, head), pages(short, 1, 320, 0, layer, head)];
        expect(all.keys.slice(0, 320 * config.headDim)).toEqual(first.keys);
        expect(all.valueScales.slice(0, 320)).toEqual(first.valueScales);
      }
    });

    it('tells by the scales which segment has numbers that are none', () => {
      const bad = segment(20, 3);
      bad.fill(NaN, 5 * config.hidden, 6 * config.hidden);
      const filled = kernel.prefill(prefixOf(4, 2), [segment(20, 1), bad])!;
      for (const [layer, head] of everyHead()) {
        expect(pages(filled, 2, 32, 0, layer, head).valueScales.every(Number.isFinite)).toBe(true);
        expect(pages(filled, 2, 32, 1, layer, head).keyScales[0]).toBeNaN();
      }
    });

    it('leaves segments after very long prefixes to the graph', () => {
      expect(kernel.prefill(prefixOf(4090, 1), [segment(16, 1)])).toBeUndefined();
    });
  });

  describe('choosing pages', () => {
    const T = 160;
    /** Keys and values of a segment of 150 tokens as the pool holds them. */
    const choiceOf = (prefix: PrefixRows, more: Partial<PageChoice>): PageChoice => {
      const { out } = kernel.prefill(prefix, [segment(150, 3)])!;
      const { kvHeads, headDim } = config;
      const plane = <N>(name: string, layer: number, perHead: number): N => {
        const data = out[name]!.data as Float32Array;
        return data.subarray(layer * kvHeads * perHead, (layer + 1) * kvHeads * perHead) as N;
      };
      const count = more.count ?? 10;
      return {
        pages: Array.from({ length: 10 }, (_, i) => i),
        valid: Float32Array.from({ length: T }, (_, t) => Number(t < 150)),
        prior: new Float32Array(10),
        count,
        scored: [0, 1],
        position: prefix.tokens + count * 16,
        planes: (layer) => ({
          keys: plane('keys', layer, T * headDim),
          keyScales: plane('key_scales', layer, T / 16),
          values: plane('values', layer, T * headDim),
          valueScales: plane('value_scales', layer, T),
        }),
        ...more,
      };
    };

    const choose = (prefix: PrefixRows, choice: PageChoice, by = kernel) => {
      const arena = new Arena(config);
      const member = arena.add(prefix.tokens + choice.count * 16 + 8);
      return { arena, member, ...by.select(member, prefix, segment(3, 60), choice)! };
    };

    it('gives what a step over the same rows gives', () => {
      const prefix = prefixOf(5, 2);
      const { arena, member, logits, mass } = choose(prefix, choiceOf(prefix, {}));
      expect(member.length).toBe(5 + T + 3);
      const copy = new Arena(config);
      const again = copy.add(arena.capacity);
      arena.keys.forEach((plane, layer) => copy.keys[layer]!.set(plane));
      arena.values.forEach((plane, layer) => copy.values[layer]!.set(plane));
      copy.bias.set(arena.bias);
      again.length = again.position = 5 + T;
      const seeds = [60, 61, 62];
      const stepped = step(copy, [seeds]);
      expect(logits).toEqual(stepped.logits[2]);
      for (let head = 0; head < config.kvHeads; head++)
        expect(mass[0]!.slice(head * T, (head + 1) * T)).toEqual(
          stepped.mass[0]!.slice(head * stepped.capacity + 5, head * stepped.capacity + 5 + T),
        );
      // Ten rows hold nothing, and the next token does not see them either.
      expect(Math.max(...mass[0]!.subarray(150, T))).toBeLessThan(1e-12);
      expect(step(arena, [[70]]).logits).toEqual(step(copy, [[70]]).logits);
    });

    it('keeps the pages with the largest shares, in their order, whoever computes them', async () => {
      const prefix = prefixOf(4, 8);
      const other = await open(3, addon);
      const inFirstLayer = (count: number, more: Partial<PageChoice> = {}, by = kernel): number[][] => {
        const { chosen } = choose(prefix, choiceOf(prefix, { count, ...more }), by);
        return Array.from({ length: config.kvHeads }, (_, head) => [
          ...chosen[0]!.subarray(head * count, (head + 1) * count),
        ]);
      };
      let fewer = inFirstLayer(1);
      for (let count = 2; count <= 10; count++) {
        const more = inFirstLayer(count);
        expect(inFirstLayer(count, {}, other.kernel)).toEqual(more);
        more.forEach((pages, head) => {
          expect(pages).toEqual([...new Set(pages)].sort((a, b) => a - b));
          expect(pages).toEqual(expect.arrayContaining(fewer[head]!));
        });
        fewer = more;
      }
      const prior = Float32Array.from({ length: 10 }, (_, i) => (i === 2 || i === 9 ? 100 : 0));
      expect(inFirstLayer(2, { prior })).toEqual(Array.from({ length: config.kvHeads }, () => [2, 9]));
      await other.kernel.dispose();
    });

    it('refuses what it was not made for', () => {
      const prefix = prefixOf(4, 8);
      expect(choose(prefix, choiceOf(prefix, { position: 7 })).logits).toBeUndefined();
      expect(() => choose(prefix, choiceOf(prefix, { scored: [3] }))).toThrow('a token that is none');
      expect(() => choose(prefix, choiceOf(prefix, { pages: Array.from({ length: 10 }, (_, i) => i + 1) }))).toThrow(
        'a page that is none',
      );
    });
  });

  it('leaves long steps and working sets to the graph', () => {
    const batch = (tokens: number, rows: number): StepBatch => {
      const arena = arenaOf([rows, 1]);
      const embeddings = new Float32Array(tokens * config.hidden);
      return { arena, members: arena.members, S: tokens, appended: [tokens], rows: [tokens - 1], embeddings };
    };
    expect(kernel.takes(batch(256, 10))).toBe(true);
    expect(kernel.takes(batch(257, 10))).toBe(false);
    expect(kernel.takes(batch(1, 4200))).toBe(false);
  });
});

it.skipIf(kinds.some(({ addon }) => !addon))('kernels for all kinds of vectors agree', async () => {
  const rows = await Promise.all(
    kinds.map(async ({ addon }) => {
      const { kernel, config } = await open(2, addon);
      const arena = new Arena(config);
      filled(arena, 150, 3);
      arena.reserve(152);
      const embeddings = Float32Array.from({ length: config.hidden }, (_, i) => Math.sin(i));
      const { logits } = kernel.step({ arena, members: arena.members, S: 1, appended: [1], rows: [0], embeddings });
      const copy = logits.slice();
      await kernel.dispose();
      return copy;
    }),
  );
  const [first, ...others] = rows;
  const most = Math.max(...first!.map(Math.abs));
  for (const other of others)
    other.forEach((logit, i) => expect(Math.abs(logit - first![i]!)).toBeLessThan(0.01 * most));
});
