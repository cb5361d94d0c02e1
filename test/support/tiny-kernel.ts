import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { openGguf, readConfig, type DecoderConfig } from '#runtime';
import { loadAddonFor, VECTORS, type KernelAddon, type Vectors } from '../../libs/decoder/kernel/native/addon.js';
import { NativeKernel } from '../../libs/decoder/kernel/native/native-kernel.js';
import type { StepBatch } from '../../libs/decoder/kernel/step-kernel.js';
import { Arena } from '../../libs/decoder/runner/arena.js';
import type { PrefixRows } from '../../libs/decoder/runner/prefix-rows.js';
import { filled } from './working-sets.js';

// A tiny model of random weights; that its logits are right is tested in decoder-families and decoder-golden.
const gguf = fileURLToPath(new URL('../../libs/decoder/golden/families/llama.gguf', import.meta.url));

/** Kinds of vectors, those without a kernel here too. */
export const kinds = (Object.keys(VECTORS) as Vectors[]).map((vectors) => ({
  vectors,
  addon: loadAddonFor(vectors),
}));
/** Those that run here. */
export const runnable = kinds.flatMap(({ vectors, addon }) => (addon ? [{ vectors, addon }] : []));

/** The native kernel with a tiny model, and seeded inputs for it. */
export class TinyKernel {
  private constructor(
    readonly kernel: NativeKernel,
    readonly config: DecoderConfig,
  ) {}

  static async open(threads: number, addon: KernelAddon): Promise<TinyKernel> {
    const file = await openGguf(gguf);
    try {
      const config = readConfig(file.metadata, file.info('token_embd.weight').dims[0]!);
      const kernel = await NativeKernel.open({ gguf, config, threads, evidenceLayers: [1] }, addon);
      return new TinyKernel(kernel!, config);
    } finally {
      await file.close();
    }
  }

  dispose(): Promise<void> {
    return this.kernel.dispose();
  }

  embedding(seed: number): number[] {
    return Array.from({ length: this.config.hidden }, (_, i) => Math.sin(seed + i));
  }

  /** Each member gets the tokens of its seeds, padded to the longest; logits of all tokens, member by member. */
  step(arena: Arena, seeds: readonly (readonly number[])[]) {
    const S = Math.max(...seeds.map(({ length }) => length));
    const rows = seeds.flatMap((own, i) => own.map((_, s) => i * S + s));
    const padded = seeds.flatMap((own) => Array.from({ length: S }, (_, s) => this.embedding(own[s] ?? 99)));
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
    expect(this.kernel.takes(batch)).toBe(true);
    const { logits: all, likeliest, mass, capacity } = this.kernel.step(batch);
    const { vocabulary } = this.config;
    const logits = rows.map((_, i) => all.slice(i * vocabulary, (i + 1) * vocabulary));
    expect([...likeliest!]).toEqual(
      logits.map((row) => (row.every(Number.isFinite) ? row.indexOf(Math.max(...row)) : -1)),
    );
    return { logits, mass, capacity };
  }

  arenaOf(...sets: readonly [rows: number, seed: number][]): Arena {
    const arena = new Arena(this.config);
    for (const [rows, seed] of sets) filled(arena, rows, seed);
    return arena;
  }

  segment(tokens: number, seed: number): Float32Array {
    return new Float32Array(Array.from({ length: tokens }, (_, t) => this.embedding(seed + t)).flat());
  }

  prefixOf(tokens: number, seed: number): PrefixRows {
    const { layers, kvHeads, headDim } = this.config;
    const rows = (by: number): Float32Array[] =>
      Array.from({ length: layers }, (_, layer) =>
        Float32Array.from({ length: kvHeads * tokens * headDim }, (_, i) => Math.sin(seed + by * i + layer)),
      );
    return { tokens, keys: rows(0.37), values: rows(0.11) };
  }

  everyHead(): [layer: number, head: number][] {
    const { layers, kvHeads } = this.config;
    return Array.from({ length: layers * kvHeads }, (_, i) => [Math.floor(i / kvHeads), i % kvHeads]);
  }
}
