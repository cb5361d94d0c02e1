import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { float32Codec } from './float32-codec.js';
import { int8Codec } from './int8-codec.js';
import { rotaryTable } from './kv-shape.js';
import { PAGE_TOKENS, type PageRun, pagesFor } from './page-pool.js';
import { PageStore } from './page-store.js';

const shape = { layers: 2, kvHeads: 3, headDim: 8 };
const D = shape.headDim;

function seeded(seed: number): () => number {
  return () => ((seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32) * 2 - 1;
}

/** [kvHeads, tokens, headDim] with one outlier channel, as keys of real models have. */
function numbers(tokens: number, seed: number, outlier = 40): Float32Array {
  const next = seeded(seed);
  return Float32Array.from({ length: shape.kvHeads * tokens * D }, (_, i) => next() * (i % D === 3 ? outlier : 1));
}

function storeWith(tokens: number, codec = int8Codec, firstPage = 0) {
  const store = new PageStore({ shape, maxBytes: 64 * 1024, codec, slabPages: 4 });
  const run: PageRun = {
    address: 'a',
    tokens,
    pages: Array.from({ length: pagesFor(tokens) }, (_, i) => firstPage + i),
  };
  const keys = numbers(tokens, 1);
  const values = numbers(tokens, 2, 1);
  for (let layer = 0; layer < shape.layers; layer++) store.writeLayer(run, layer, keys, values);
  const gather = (options: { head?: number; pages?: number[]; keyColumns?: number; rotary?: boolean } = {}) => {
    const pages = options.pages ?? [...run.pages];
    const out = { keys: new Float32Array(pages.length * 16 * D), values: new Float32Array(pages.length * 16 * D) };
    const rows = store.gather({
      layer: 1,
      head: options.head ?? 1,
      pages,
      keys: out.keys,
      keysAt: 0,
      values: out.values,
      valuesAt: 0,
      ...(options.keyColumns ? { keyColumns: options.keyColumns } : {}),
      ...(options.rotary ? { rotary: table, position: 5 } : {}),
    });
    return { rows, ...out };
  };
  return { store, run, keys, values, gather };
}
const table = rotaryTable({ positions: 128, headDim: D, theta: 10_000, pairs: 'interleaved' });

describe('PageStore', () => {
  it('keeps 1M tokens of SmolLM2-135M within 12 KB a token', () => {
    const store = new PageStore({ shape: { layers: 30, kvHeads: 3, headDim: 64 }, maxBytes: 12e9 });
    expect(store.pageBytes / PAGE_TOKENS).toBe(11970);
    expect(store.totalPages * PAGE_TOKENS).toBeGreaterThan(1e6);
    expect(store.allocatedBytes).toBe(0);
  });

  it('reads back what was written, within a quantisation step per key channel and value row', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.nat(2), (tokens, head) => {
        const { keys, values, gather } = storeWith(tokens);
        const read = gather({ head });
        expect(read.rows).toBe(tokens);
        for (let i = 0; i < tokens * D; i++) {
          const peak = i % D === 3 ? 40 : 1;
          expect(Math.abs(read.keys[i]! - keys[head * tokens * D + i]!)).toBeLessThan((peak / 127) * 0.56);
          expect(Math.abs(read.values[i]! - values[head * tokens * D + i]!)).toBeLessThan((1 / 127) * 0.56);
        }
      }),
    );
  });

  it('is exact with the float32 codec', () => {
    const { keys, values, gather } = storeWith(37, float32Codec);
    const read = gather({ head: 2 });
    expect(read.keys.subarray(0, 37 * D)).toEqual(keys.subarray(2 * 37 * D));
    expect(read.values.subarray(0, 37 * D)).toEqual(values.subarray(2 * 37 * D));
  });

  it('gathers pages in the order asked for and closes the gap of a partly filled one', () => {
    const { keys, gather } = storeWith(20, float32Codec);
    const read = gather({ head: 0, pages: [1, 0] });
    expect(read.rows).toBe(20);
    expect(read.keys.subarray(0, 4 * D)).toEqual(keys.subarray(16 * D, 20 * D));
    expect(read.keys.subarray(4 * D, 20 * D)).toEqual(keys.subarray(0, 16 * D));
  });

  it.each([int8Codec, float32Codec])('rotates keys to contiguous positions ($name)', (codec) => {
    for (const pairs of ['interleaved', 'halves'] as const) {
      const rotary = rotaryTable({ positions: 64, headDim: D, theta: 10_000, pairs });
      const { store, run, gather } = storeWith(20, codec);
      const plain = gather().keys;
      const rotated = new Float32Array(32 * D);
      const scratch = new Float32Array(32 * D);
      const at = { keys: rotated, keysAt: 0, values: scratch, valuesAt: 0, rotary, position: 5 };
      store.gather({ layer: 1, head: 1, pages: run.pages, ...at });
      for (let t = 0; t < 20; t++)
        for (let i = 0; i < D / 2; i++) {
          const [a, b] = pairs === 'interleaved' ? [2 * i, 2 * i + 1] : [i, i + D / 2];
          const angle = (t + 5) * 10_000 ** ((-2 * i) / D);
          const [x, y] = [plain[t * D + a!]!, plain[t * D + b!]!];
          expect(rotated[t * D + a!]).toBeCloseTo(x * Math.cos(angle) - y * Math.sin(angle), 4);
          expect(rotated[t * D + b!]).toBeCloseTo(x * Math.sin(angle) + y * Math.cos(angle), 4);
        }
    }
  });

  it('writes keys as columns when asked', () => {
    const { gather } = storeWith(20);
    const rows = gather({ rotary: true });
    const columns = gather({ rotary: true, keyColumns: 32 });
    for (let t = 0; t < 20; t++)
      for (let d = 0; d < D; d++) expect(columns.keys[d * 32 + t]).toBe(rows.keys[t * D + d]);
    expect(columns.values).toEqual(rows.values);
  });

  it('reads rows out of padded prefill output', () => {
    const { store, run, gather } = storeWith(20, float32Codec);
    const padded = numbers(48, 9);
    store.writeLayer(run, 1, padded, padded, 48);
    expect(gather({ head: 2 }).keys.subarray(0, 20 * D)).toEqual(padded.subarray(2 * 48 * D, (2 * 48 + 20) * D));
  });

  it('grows by slabs, up to its bound and no further', () => {
    const { store, run } = storeWith(20, int8Codec, 3);
    expect(store.allocatedBytes).toBe(2 * 4 * store.pageBytes);
    const beyond = { ...run, pages: [store.totalPages, store.totalPages + 1] };
    expect(() => store.writeLayer(beyond, 0, numbers(20, 1), numbers(20, 2))).toThrow('beyond');
    expect(() => new PageStore({ shape, maxBytes: 100 })).toThrow(expect.objectContaining({ code: 'configuration' }));
  });

  it.each([int8Codec, float32Codec])('refuses numbers that are not finite ($name)', (codec) => {
    const { store, run, keys, values } = storeWith(20, codec);
    for (const bad of [NaN, Infinity, -Infinity])
      for (const target of [keys, values]) {
        const kept = target[77]!;
        target[77] = bad;
        expect(() => store.writeLayer(run, 0, keys, values)).toThrow(
          expect.objectContaining({ code: 'decoder_failed' }),
        );
        target[77] = kept;
      }
  });

  it('carries a run over through its bytes', () => {
    const from = storeWith(20);
    const to = new PageStore({ shape, maxBytes: 64 * 1024, shared: true });
    const run = { ...from.run, pages: [6, 2] };
    run.pages.forEach((page, i) => to.bytesOf(page).set(from.store.bytesOf(from.run.pages[i]!)));
    to.restored(run);
    const keys = new Float32Array(32 * D);
    const values = new Float32Array(32 * D);
    expect(to.gather({ layer: 1, head: 1, pages: run.pages, keys, keysAt: 0, values, valuesAt: 0 })).toBe(20);
    expect(keys).toEqual(from.gather().keys);
    expect(values).toEqual(from.gather().values);
  });
});
