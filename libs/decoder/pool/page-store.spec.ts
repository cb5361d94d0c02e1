import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Float32PageStore } from './float32-page-store.js';
import { Int8PageStore } from './int8-page-store.js';
import { PAGE_TOKENS, type PageRun, pagesFor } from './page-pool.js';
import { rotaryTable } from './rotary.js';

const shape = { layers: 2, kvHeads: 3, headDim: 8 };
const D = shape.headDim;

function seeded(seed: number): () => number {
  return () => ((seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32) * 2 - 1;
}

/** [kvHeads, tokens, headDim] */
function numbers(tokens: number, seed: number): Float32Array {
  const next = seeded(seed);
  return Float32Array.from({ length: shape.kvHeads * tokens * D }, () => next());
}

const STORES = [Int8PageStore, Float32PageStore];

function storeWith<S extends Int8PageStore | Float32PageStore>(
  tokens: number,
  Store: new (of: typeof shape, maxBytes: number) => S,
  firstPage = 0,
) {
  const store = new Store(shape, 128 * 1024);
  const pages = Array.from({ length: pagesFor(tokens) }, (_, i) => firstPage + i);
  const run: PageRun = { address: 'a', tokens, pages };
  const keys = numbers(tokens, 1);
  const values = numbers(tokens, 2);
  for (let layer = 0; layer < shape.layers; layer++) store.writeLayer(run, layer, keys, values);
  const gather = (head: number, from = pages) => {
    const out = { keys: new Float32Array(from.length * 16 * D), values: new Float32Array(from.length * 16 * D) };
    const rows = store.gather({ layer: 1, head, pages: from, ...out, keysAt: 0, valuesAt: 0 });
    return { rows, ...out };
  };
  return { store, run, keys, values, gather };
}

describe('PageStore', () => {
  it('keeps 1M tokens of SmolLM2-135M within 12 KB a token', () => {
    const store = new Int8PageStore({ layers: 30, kvHeads: 3, headDim: 64 }, 50e6);
    expect(store.pageBytes / PAGE_TOKENS).toBe(11902.5);
    expect(store.totalPages).toBe(Math.floor(50e6 / (11902.5 * 16)));
    expect(store.allocatedBytes).toBe(0);
  });

  it('reads back what was written, within half a quantisation step', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.nat(2), (tokens, head) => {
        const { keys, values, gather } = storeWith(tokens, Int8PageStore);
        const read = gather(head);
        expect(read.rows).toBe(tokens);
        const start = head * tokens * D;
        for (let i = 0; i < tokens * D; i++) {
          expect(Math.abs(read.keys[i]! - keys[start + i]!)).toBeLessThan(0.501 / 127);
          expect(Math.abs(read.values[i]! - values[start + i]!)).toBeLessThan(0.501 / 127);
        }
      }),
    );
  });

  it('scales keys by page and head, values by token', () => {
    const { store, run, keys, values } = storeWith(20, Int8PageStore);
    keys.fill(0);
    values.fill(0);
    keys[(1 * 20 + 17) * D] = -50; // head 1, token 17
    values[(2 * 20 + 3) * D + 1] = 8; // head 2, token 3
    store.writeLayer(run, 0, keys, values);
    const planes = store.planes(0);
    const block = (head: number, page: number) => head * store.totalPages + page;
    expect(planes.keyScales[block(1, 1)]).toBeCloseTo(50 / 127);
    expect(planes.keyScales[block(1, 0)]).toBe(0);
    expect(planes.keys[(block(1, 1) * 16 + 1) * D]).toBe(128 - 127);
    expect(planes.keys[(block(1, 1) * 16 + 2) * D]).toBe(128);
    expect(planes.valueScales[block(2, 0) * 16 + 3]).toBeCloseTo(8 / 127);
    expect(planes.values[(block(2, 0) * 16 + 3) * D + 1]).toBe(127);
  });

  it('takes what a graph quantised, and clears the rows that padded it', () => {
    const { store, run } = storeWith(20, Int8PageStore, 3);
    const rows = 32;
    const of = (length: number, value: (i: number) => number) => Array.from({ length }, (_, i) => value(i));
    const encoded = {
      keys: Uint8Array.from(of(shape.kvHeads * rows * D, (i) => i % 251)),
      keyScales: Float32Array.from(of((shape.kvHeads * rows) / 16, (i) => i + 1)),
      values: Int8Array.from(of(shape.kvHeads * rows * D, (i) => (i % 251) - 120)),
      valueScales: Float32Array.from(of(shape.kvHeads * rows, (i) => i + 1)),
    };
    store.writeEncoded(run, 0, encoded, { rows });
    const keys = new Float32Array(32 * D);
    const values = new Float32Array(32 * D);
    const at = { keys, keysAt: 0, values, valuesAt: 0 };
    expect(store.gather({ layer: 0, head: 2, pages: run.pages, ...at })).toBe(20);
    for (let t = 0; t < 20; t++) {
      const i = (2 * rows + t) * D + 5;
      expect(keys[t * D + 5]).toBe((encoded.keys[i]! - 128) * encoded.keyScales[4 + (t >> 4)]!);
      expect(values[t * D + 5]).toBe(encoded.values[i]! * encoded.valueScales[2 * rows + t]!);
    }
    const block = (2 * store.totalPages + run.pages[1]!) * 16 + 4;
    expect(
      store
        .planes(0)
        .keys.subarray(block * D, (block + 12) * D)
        .every((x) => x === 128),
    ).toBe(true);
    expect(
      store
        .planes(0)
        .valueScales.subarray(block, block + 12)
        .every((x) => x === 0),
    ).toBe(true);
    encoded.valueScales[3] = NaN;
    expect(() => store.writeEncoded(run, 0, encoded, { rows })).toThrow(
      expect.objectContaining({ code: 'decoder_failed' }),
    );
  });

  it('is exact in float32', () => {
    const { keys, values, gather } = storeWith(37, Float32PageStore);
    const read = gather(2);
    expect(read.keys.subarray(0, 37 * D)).toEqual(keys.subarray(2 * 37 * D));
    expect(read.values.subarray(0, 37 * D)).toEqual(values.subarray(2 * 37 * D));
  });

  it('gathers pages in the order asked for and closes the gap of a partly filled one', () => {
    const { keys, gather } = storeWith(20, Float32PageStore);
    const read = gather(0, [1, 0]);
    expect(read.rows).toBe(20);
    expect(read.keys.subarray(0, 4 * D)).toEqual(keys.subarray(16 * D, 20 * D));
    expect(read.keys.subarray(4 * D, 20 * D)).toEqual(keys.subarray(0, 16 * D));
  });

  it.each(STORES)('rotates keys to contiguous positions (%o)', (Store) => {
    for (const pairs of ['interleaved', 'halves'] as const) {
      const rotary = rotaryTable({ positions: 64, headDim: D, theta: 10_000, pairs });
      const { store, run, gather } = storeWith(20, Store as typeof Int8PageStore);
      const plain = gather(1).keys;
      const rotated = new Float32Array(32 * D);
      const at = { keys: rotated, keysAt: 0, values: new Float32Array(32 * D), valuesAt: 0, rotary, position: 5 };
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

  it('reads rows out of padded prefill output', () => {
    const { store, run, gather } = storeWith(20, Float32PageStore);
    const padded = numbers(48, 9);
    store.writeLayer(run, 1, padded, padded, 48);
    expect(gather(2).keys.subarray(0, 20 * D)).toEqual(padded.subarray(2 * 48 * D, (2 * 48 + 20) * D));
  });

  it('keeps within its bound', () => {
    const { store, run } = storeWith(20, Int8PageStore, 3);
    expect(store.allocatedBytes).toBe(5 * store.pageBytes);
    const beyond = { ...run, pages: [store.totalPages, store.totalPages + 1] };
    expect(() => store.writeLayer(beyond, 0, numbers(20, 1), numbers(20, 2))).toThrow('beyond');
    for (const Store of STORES)
      expect(() => new Store(shape, 100)).toThrow(expect.objectContaining({ code: 'configuration' }));
  });

  it.each(STORES)('refuses numbers that are not finite (%o)', (Store) => {
    const { store, run, keys, values } = storeWith(20, Store as typeof Int8PageStore);
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

  it.each(STORES)('carries a run over through its bytes (%o)', (Store) => {
    const from = storeWith(20, Store as typeof Int8PageStore);
    const to = new Store(shape, 128 * 1024);
    const run = { ...from.run, pages: [6, 2] };
    const bytes = new Uint8Array(2 * to.pageBytes);
    from.store.copyOut(from.run, bytes);
    to.copyIn(run, bytes);
    const keys = new Float32Array(32 * D);
    const values = new Float32Array(32 * D);
    expect(to.gather({ layer: 1, head: 1, pages: run.pages, keys, keysAt: 0, values, valuesAt: 0 })).toBe(20);
    expect(keys).toEqual(from.gather(1).keys);
    expect(values).toEqual(from.gather(1).values);
  });
});
