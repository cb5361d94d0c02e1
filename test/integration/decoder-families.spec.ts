import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ARCHITECTURES } from '../../libs/runtime/graph/architecture.js';
import { loadAddon } from '../../libs/decoder/kernel/native/addon.js';
import type { Int8Planes } from '../../libs/decoder/pool/int8-page-store.js';
import { Arena } from '../../libs/decoder/runner/arena.js';
import { Sequence } from '../../libs/decoder/engine/sequence.js';
import type { ModelOptions } from '../../libs/decoder/runner/model.js';
import { manyRowsHere, openParts } from '../support/decoder.js';

// Written by training/ from random weights of each family, run by transformers.
const folder = new URL('../../libs/decoder/golden/families/', import.meta.url);
const golden = JSON.parse(readFileSync(new URL('golden.json', folder), 'utf8')) as {
  ids: number[];
  /** How many ids are the prefix. */
  prefix: number;
  /** Which logits are kept: every so many-th. */
  every: number;
} & Record<string, number[][]>;

/** The kept logits after each id from the end of the prefix on, one token at a time. */
async function logitsOf(
  family: string,
  precision: 'float32' | 'int8',
  manyRows?: 'columns' | 'blocks',
  steps: ModelOptions['steps'] = 'graph',
) {
  const files = { gguf: fileURLToPath(new URL(`${family}.gguf`, folder)), packId: `tiny ${family}` };
  const parts = await openParts({ precision, adapter: false, files, manyRows, steps, memoryBytes: 8e6 });
  try {
    const { model, runner, arena, reader } = parts;
    const text = (ids: number[]) => [
      { type: 'text' as const, text: model.tokenizer.decode(ids, { special: true }), special: true },
    ];
    const [before, after] = [golden.ids.slice(0, golden.prefix), golden.ids.slice(golden.prefix)];
    const request = { prefix: text(before), segments: [], question: text(after.slice(0, 1)), sampling: {} };
    const sequence = new Sequence(0, request, model, 'golden', () => undefined);
    expect([...sequence.prefix.ids, ...sequence.question.ids]).toEqual([...before, after[0]]);
    const kept = (logits: Float32Array) => [...logits].filter((_, id) => id % golden.every === 0);
    const all = [kept(await reader.read(sequence))];
    for (const id of after.slice(1)) {
      const embedding = new Float32Array(model.config.hidden);
      model.embeddings.row(id, embedding, 0);
      all.push(kept((await runner.step(arena, 0, 1, embedding, [0])).logits));
    }
    arena.remove(sequence.working!);
    return all;
  } finally {
    await parts.dispose();
  }
}

function correlation(a: number[], b: number[]): number {
  const mean = (x: number[]) => x.reduce((sum, v) => sum + v, 0) / x.length;
  const [ma, mb] = [mean(a), mean(b)];
  const dot = (x: number[], mx: number, y: number[], my: number) =>
    x.reduce((sum, v, i) => sum + (v - mx) * (y[i]! - my), 0);
  return dot(a, ma, b, mb) / Math.sqrt(dot(a, ma, a, ma) * dot(b, mb, b, mb));
}

const rowsHere = await manyRowsHere();

describe.each(Object.keys(ARCHITECTURES))('a base of the family %s', (family) => {
  it('has the logits of transformers in float32', async () => {
    const [ours, theirs] = [await logitsOf(family, 'float32'), golden[family]!];
    const apart = theirs.flatMap((row, step) => row.map((logit, i) => Math.abs(logit - ours[step]![i]!)));
    expect(Math.max(...apart)).toBeLessThan(1e-3);
  });

  it.each(rowsHere)('keeps them in int8, %s', async (manyRows) => {
    const ours = await logitsOf(family, 'int8', manyRows);
    expect(correlation(ours.flat(), golden[family]!.flat())).toBeGreaterThan(0.995);
  });

  const kernels = ['webassembly', ...(loadAddon() ? (['native'] as const) : [])] as const;
  it.each(kernels)('has them by the kernel, but for eight bits of its weights: %s', async (steps) => {
    const ours = await logitsOf(family, 'int8', 'blocks', steps);
    // The kernel in WebAssembly leaves the first, the question's, to the graph.
    expect(correlation(ours.slice(1).flat(), golden[family]!.slice(1).flat())).toBeGreaterThan(0.9995);
  });

  it.skipIf(!loadAddon())('prefills and chooses pages by the native kernel as by the graphs', async () => {
    const [native, graph] = [await pagesOf(family, 'native'), await pagesOf(family, 'graph')];
    for (const name of ['keys', 'values'] as const)
      expect(correlation(native[name], graph[name])).toBeGreaterThan(0.995);
    // All of six pages, then three: near ties may be chosen otherwise.
    expect(correlation(native.logits, graph.logits)).toBeGreaterThan(0.995);
    expect(native.chosen.filter((page, i) => page === graph.chosen[i]).length).toBeGreaterThan(
      0.6 * graph.chosen.length,
    );
  });
});

/** Keys and values of a segment of 90 tokens, decoded; what a question makes of all its pages; and which it chooses in the first layer. */
async function pagesOf(family: string, steps: ModelOptions['steps']) {
  const files = { gguf: fileURLToPath(new URL(`${family}.gguf`, folder)), packId: `tiny ${family}` };
  const parts = await openParts({
    precision: 'int8',
    adapter: false,
    files,
    manyRows: 'blocks',
    steps,
    memoryBytes: 8e6,
  });
  try {
    const { model, runner } = parts;
    const { hidden, layers, kvHeads, headDim, vocabulary } = model.config;
    const embed = (count: number, seed: number): Float32Array => {
      const out = new Float32Array(count * hidden);
      for (let t = 0; t < count; t++) model.embeddings.row((seed + 7 * t) % vocabulary, out, t * hidden);
      return out;
    };
    const [tokens, T] = [90, 96];
    const prefix = await runner.prefix(embed(3, 1));
    const { out } = await runner.prefill(prefix, [embed(tokens, 5)]);
    const plane = <N extends Float32Array | Uint8Array | Int8Array>(name: string, layer: number, perHead: number): N =>
      (out[name]!.data as N).subarray(layer * kvHeads * perHead, (layer + 1) * kvHeads * perHead) as N;
    const planes = (layer: number): Int8Planes => ({
      keys: plane<Uint8Array>('keys', layer, T * headDim),
      keyScales: plane<Float32Array>('key_scales', layer, T / 16),
      values: plane<Int8Array>('values', layer, T * headDim),
      valueScales: plane<Float32Array>('value_scales', layer, T),
    });
    const decoded = (name: 'keys' | 'values', layer: number): number[] => {
      const [zero, per, scales] = name === 'keys' ? [128, 16, 'key_scales'] : [0, 1, 'value_scales'];
      return Array.from({ length: kvHeads * T }, (_, row) => row)
        .filter((row) => row % T < tokens)
        .flatMap((row) => {
          const scale = plane<Float32Array>(scales as string, layer, T / (per as number))[
            Math.floor(row / (per as number))
          ]!;
          return [...plane<Uint8Array>(name, layer, T * headDim).subarray(row * headDim, (row + 1) * headDim)].map(
            (code) => (code - (zero as number)) * scale,
          );
        });
    };
    const choose = async (count: number) => {
      const arena = new Arena({ layers, kvHeads, headDim });
      const member = arena.add(prefix.tokens + count * 16 + 8);
      const selection = await runner.select(member, prefix, embed(5, 11), {
        pages: [0, 1, 2, 3, 4, 5],
        valid: Float32Array.from({ length: T }, (_, t) => Number(t < tokens)),
        prior: new Float32Array(6),
        count,
        scored: [1, 2, 3],
        position: prefix.tokens + count * 16,
        planes,
      });
      // The next token sees what was chosen, the question, and itself.
      const { logits } = await runner.step(arena, 0, 1, embed(1, 17), [0]);
      return { ...selection, next: [...logits] };
    };
    const [all, three] = [await choose(6), await choose(3)];
    const each = (name: 'keys' | 'values') => Array.from({ length: layers }, (_, layer) => decoded(name, layer)).flat();
    return {
      keys: each('keys'),
      values: each('values'),
      logits: [...all.logits, ...all.next],
      chosen: [...three.chosen[0]!],
    };
  } finally {
    await parts.dispose();
  }
}
