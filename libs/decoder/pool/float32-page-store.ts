import { type KvShape } from './kv-shape.js';
import { PAGE_TOKENS } from './page-pool.js';
import { PageStore } from './page-store.js';
import { rotateRows, type RotaryTable } from './rotary.js';

/** One layer of all pages: keys and values [kvHeads, totalPages, PAGE_TOKENS, headDim]. */
export interface Float32Planes {
  readonly keys: Float32Array;
  readonly values: Float32Array;
}

/**
 * Keys and values as they are: four times the memory of int8, no error. For proving that a working set of everything
 * equals dense attention, and as the yardstick of other precisions.
 */
export class Float32PageStore extends PageStore {
  readonly precision = 'float32';
  readonly #planes: readonly Float32Planes[];

  constructor(shape: KvShape, maxBytes: number) {
    super(shape, shape.layers * shape.kvHeads * 2 * PAGE_TOKENS * shape.headDim * 4, maxBytes);
    const elements = shape.kvHeads * this.totalPages * PAGE_TOKENS * shape.headDim;
    this.#planes = Array.from({ length: shape.layers }, () => ({
      keys: new Float32Array(elements),
      values: new Float32Array(elements),
    }));
  }

  planes(layer: number): Float32Planes {
    return this.#planes[layer]!;
  }

  protected encode(
    layer: number,
    block: number,
    keys: Float32Array,
    values: Float32Array,
    from: number,
    tokens: number,
  ): boolean {
    const count = tokens * this.shape.headDim;
    const to = this.#planes[layer]!;
    const [start, end] = this.#range(block, PAGE_TOKENS);
    to.keys.set(keys.subarray(from, from + count), start);
    to.values.set(values.subarray(from, from + count), start);
    to.keys.fill(0, start + count, end);
    to.values.fill(0, start + count, end);
    let fault = 0;
    for (let i = from; i < from + count; i++) fault += keys[i]! * 0 + values[i]! * 0;
    return fault === 0;
  }

  protected decodeKeys(layer: number, block: number, tokens: number, out: Float32Array, to: number): void {
    out.set(this.#planes[layer]!.keys.subarray(...this.#range(block, tokens)), to);
  }

  protected decodeRotatedKeys(
    layer: number,
    block: number,
    tokens: number,
    out: Float32Array,
    to: number,
    rotary: RotaryTable,
    position: number,
  ): void {
    this.decodeKeys(layer, block, tokens, out, to);
    rotateRows(out, to, tokens, this.shape.headDim, rotary, position);
  }

  protected decodeValues(layer: number, block: number, tokens: number, out: Float32Array, to: number): void {
    out.set(this.#planes[layer]!.values.subarray(...this.#range(block, tokens)), to);
  }

  protected parts(layer: number) {
    const { keys, values } = this.#planes[layer]!;
    const elements = PAGE_TOKENS * this.shape.headDim;
    return [
      [keys, elements],
      [values, elements],
    ] as const;
  }

  #range(block: number, tokens: number): [number, number] {
    const start = block * PAGE_TOKENS * this.shape.headDim;
    return [start, start + tokens * this.shape.headDim];
  }
}
