import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DecoderConfig } from '#runtime';
import type { NativeKernel } from '../../libs/decoder/kernel/native/native-kernel.js';
import { rotaryTable } from '../../libs/decoder/pool/rotary.js';
import { Arena } from '../../libs/decoder/runner/arena.js';
import type { Prefilled } from '../../libs/decoder/runner/prefilled.js';
import { noPrefix, type PrefixRows } from '../../libs/decoder/runner/prefix-rows.js';
import type { PageChoice } from '../../libs/decoder/runner/selection.js';
import { runnable, TinyKernel } from '../support/tiny-kernel.js';

describe.each(runnable)('pages of the native kernel for $vectors', ({ addon }) => {
  let tiny: TinyKernel;
  let kernel: NativeKernel;
  let config: DecoderConfig;
  beforeAll(async () => {
    tiny = await TinyKernel.open(2, addon);
    ({ kernel, config } = tiny);
  });
  afterAll(() => tiny.dispose());

  const step = (arena: Arena, seeds: readonly (readonly number[])[]) => tiny.step(arena, seeds);
  const segment = (tokens: number, seed: number): Float32Array => tiny.segment(tokens, seed);
  const prefixOf = (tokens: number, seed: number): PrefixRows => tiny.prefixOf(tokens, seed);
  const everyHead = (): [layer: number, head: number][] => tiny.everyHead();

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
      const other = await TinyKernel.open(3, addon);
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
      await other.dispose();
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
      expect(kernel.prefill(prefixOf(16_380, 1), [segment(16, 1)])).toBeUndefined();
    });
  });

  const T = 160;
  /** Keys and values of a segment of 150 tokens as the pool holds them. */
  const planesAfter = (prefix: PrefixRows): PageChoice['planes'] => {
    const { out } = kernel.prefill(prefix, [segment(150, 3)])!;
    const { kvHeads, headDim } = config;
    const plane = <N>(name: string, layer: number, perHead: number): N => {
      const data = out[name]!.data as Float32Array;
      return data.subarray(layer * kvHeads * perHead, (layer + 1) * kvHeads * perHead) as N;
    };
    return (layer) => ({
      keys: plane('keys', layer, T * headDim),
      keyScales: plane('key_scales', layer, T / 16),
      values: plane('values', layer, T * headDim),
      valueScales: plane('value_scales', layer, T),
    });
  };

  describe('entering', () => {
    it('computes a prefix as a step does', () => {
      const [arena, other] = [new Arena(config), new Arena(config)];
      const prefix = kernel.prefix(segment(21, 40))!;
      const [member, stepped] = [arena.add(64), other.add(64)];
      for (const [layer, head] of everyHead()) {
        member.write(layer, head, 0, 21, prefix.keys[layer]!, prefix.values[layer]!);
        member.show(layer, head, 0, 21);
      }
      member.length = member.position = 21;
      step(other, [Array.from({ length: 21 }, (_, t) => 40 + t)]);
      expect(stepped.length).toBe(21);
      expect(step(arena, [[3]]).logits).toEqual(step(other, [[3]]).logits);
      expect(kernel.prefix(segment(257, 1))).toBeUndefined();
    });

    it.each([
      [0, 10],
      [5, 10],
      [7, 3],
    ])('puts a prefix of %i tokens and %i pages where a choice of all would, without holes', (before, count) => {
      const prefix = before > 0 ? prefixOf(before, 2) : noPrefix(config.layers);
      const tokens = Uint8Array.from({ length: count }, (_, i) => (i === 9 ? 6 : 16));
      const pages = Array.from({ length: count }, (_, i) => i);
      const rows = tokens.reduce((sum, own) => sum + own, before);
      const planes = planesAfter(prefix);
      const arena = new Arena(config, false);
      const member = arena.add(rows + 8);
      expect(kernel.enter(member, prefix, { pages, tokens, planes })).toBe(true);
      expect([member.length, member.position, arena.bytes]).toEqual([rows, rows, 0]);
      const chosen = new Arena(config, false);
      const choice = { pages, valid: Float32Array.from({ length: count * 16 }, (_, t) => Number(t < 150)) };
      const { logits } = kernel.select(chosen.add(rows + 80), prefix, segment(2, 60), {
        ...{ ...choice, prior: new Float32Array(count), count, scored: [0], position: before + count * 16, planes },
      })!;
      // The question's own phases differ by the holes that a choice leaves.
      if (count < 10) expect(step(arena, [[60, 61]]).logits[1]).toEqual(logits);
      else expect(step(arena, [[60, 61]]).logits[1]!.every(Number.isFinite)).toBe(true);
    });

    it('gives its rows to an arena that is backed later, and goes on with what others append there', () => {
      const prefix = prefixOf(5, 2);
      const tokens = new Uint8Array(9).fill(16);
      const pages = Array.from({ length: 9 }, (_, i) => i);
      const [early, late] = [new Arena(config, true), new Arena(config, false)];
      for (const arena of [early, late]) {
        kernel.enter(arena.add(160), prefix, { pages, tokens, planes: planesAfter(prefix) });
        step(arena, [[1, 2]]);
      }
      expect([late.bytes, late.backed]).toEqual([0, false]);
      expect(kernel.heldBytes).toBeGreaterThan(151 * config.layers * config.kvHeads * 2 * config.headDim);
      late.back();
      expect([late.keys, late.values]).toEqual([early.keys, early.values]);
      expect(late.bias).toEqual(early.bias);
      for (const arena of [early, late]) {
        const [member] = arena.members;
        const row = new Float32Array(config.kvHeads * config.headDim).fill(0.5);
        for (let layer = 0; layer < config.layers; layer++) member!.append(layer, 1, 1, row, row, 0);
        member!.length++;
      }
      expect(step(late, [[3]]).logits).toEqual(step(early, [[3]]).logits);
      for (const arena of [early, late]) arena.remove(arena.members[0]!);
    });

    it('leaves working sets that are too long to others', () => {
      const member = new Arena(config, false).add(16);
      const pages = { pages: [0], tokens: Uint8Array.of(16), planes: planesAfter(prefixOf(2, 1)) };
      expect(kernel.enter(member, prefixOf(16_380, 1), pages)).toBe(false);
      expect(() => kernel.enter(member, prefixOf(2, 1), { ...pages, pages: [10] })).toThrow('a page that is none');
    });
  });

  describe('choosing pages', () => {
    const choiceOf = (prefix: PrefixRows, more: Partial<PageChoice>): PageChoice => {
      const count = more.count ?? 10;
      return {
        pages: Array.from({ length: 10 }, (_, i) => i),
        valid: Float32Array.from({ length: T }, (_, t) => Number(t < 150)),
        prior: new Float32Array(10),
        count,
        scored: [0, 1],
        position: prefix.tokens + count * 16,
        planes: planesAfter(prefix),
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
      const other = await TinyKernel.open(3, addon);
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
      await other.dispose();
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
});
