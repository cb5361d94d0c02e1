import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ARCHITECTURES } from '../../libs/runtime/graph/architecture.js';
import { loadAddon } from '../../libs/decoder/kernel/native/addon.js';
import { Sequence } from '../../libs/decoder/engine/sequence.js';
import type { ModelOptions } from '../../libs/decoder/runner/model.js';
import { openParts } from '../support/decoder.js';

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

describe.each(Object.keys(ARCHITECTURES))('a base of the family %s', (family) => {
  it('has the logits of transformers in float32', async () => {
    const [ours, theirs] = [await logitsOf(family, 'float32'), golden[family]!];
    const apart = theirs.flatMap((row, step) => row.map((logit, i) => Math.abs(logit - ours[step]![i]!)));
    expect(Math.max(...apart)).toBeLessThan(1e-3);
  });

  it.each(['columns', 'blocks'] as const)('keeps them in int8, %s', async (manyRows) => {
    const ours = await logitsOf(family, 'int8', manyRows);
    expect(correlation(ours.flat(), golden[family]!.flat())).toBeGreaterThan(0.995);
  });

  const kernels = ['webassembly', ...(loadAddon() ? (['native'] as const) : [])] as const;
  it.each(kernels)('has them by the kernel, but for eight bits of its weights: %s', async (steps) => {
    const ours = await logitsOf(family, 'int8', 'blocks', steps);
    // The kernel in WebAssembly leaves the first, the question's, to the graph.
    expect(correlation(ours.slice(1).flat(), golden[family]!.slice(1).flat())).toBeGreaterThan(0.9995);
  });
});
