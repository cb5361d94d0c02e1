import { type KvShape } from './kv-shape.js';
import { PAGE_TOKENS, type PageRun } from './page-pool.js';
import { notFinite, PageStore } from './page-store.js';
import { type RotaryTable } from './rotary.js';

/** One layer of all pages. Views over the store's memory, not copies. */
export interface Int8Planes {
  /** [kvHeads, totalPages, PAGE_TOKENS, headDim], int8 + 128: the operand of u8 × s8 matrix products. */
  readonly keys: Uint8Array;
  /** [kvHeads, totalPages] */
  readonly keyScales: Float32Array;
  /** [kvHeads, totalPages, PAGE_TOKENS, headDim] */
  readonly values: Int8Array;
  /** [kvHeads, totalPages, PAGE_TOKENS] */
  readonly valueScales: Float32Array;
}

/** Prefill output that was quantised in the graph: per KV head `rows` rows, a multiple of PAGE_TOKENS. */
export interface EncodedLayer {
  /** [kvHeads, rows, headDim], int8 + 128 */
  keys: Uint8Array;
  /** [kvHeads, rows / PAGE_TOKENS] */
  keyScales: Float32Array;
  /** [kvHeads, rows, headDim] */
  values: Int8Array;
  /** [kvHeads, rows] */
  valueScales: Float32Array;
}

const ZERO_POINT = 128;

/**
 * Keys and values in int8: keys with one scale per page and head, values with one per token and head
 * (docs/decisions/0012-kv-precision.md has the error of each scheme). A number is `(key - 128) × scale` or
 * `value × scale`. With 30 layers of 3 heads of 64: 11,902.5 bytes a token.
 */
export class Int8PageStore extends PageStore {
  readonly precision = 'int8';
  readonly #planes: readonly Int8Planes[];

  constructor(shape: KvShape, maxBytes: number) {
    super(shape, shape.layers * shape.kvHeads * blockBytes(shape.headDim), maxBytes);
    const blocks = shape.kvHeads * this.totalPages;
    const elements = blocks * PAGE_TOKENS * shape.headDim;
    this.#planes = Array.from({ length: shape.layers }, () => ({
      keys: new Uint8Array(elements),
      keyScales: new Float32Array(blocks),
      values: new Int8Array(elements),
      valueScales: new Float32Array(blocks * PAGE_TOKENS),
    }));
  }

  planes(layer: number): Int8Planes {
    return this.#planes[layer]!;
  }

  /** Stores one layer of a run as the prefill graph quantised it; rows beyond `run.tokens` become zero. */
  writeEncoded(run: PageRun, layer: number, from: EncodedLayer, { rows }: { rows: number }): void {
    const { kvHeads, headDim } = this.shape;
    const to = this.#planes[layer]!;
    let fault = 0;
    this.eachPage(run, (page, index, tokens) => {
      for (let head = 0; head < kvHeads; head++) {
        const block = this.block(head, page);
        const row = head * rows + index * PAGE_TOKENS;
        const scale = from.keyScales[row / PAGE_TOKENS]!;
        fault += scale * 0;
        to.keyScales[block] = scale;
        for (let t = 0; t < PAGE_TOKENS; t++) {
          const valueScale = t < tokens ? from.valueScales[row + t]! : 0;
          fault += valueScale * 0; // NaN when a scale is NaN or infinite.
          to.valueScales[block * PAGE_TOKENS + t] = valueScale;
        }
        const at = block * PAGE_TOKENS * headDim;
        to.keys.set(from.keys.subarray(row * headDim, (row + tokens) * headDim), at);
        to.values.set(from.values.subarray(row * headDim, (row + tokens) * headDim), at);
        this.#clear(to, block, tokens);
      }
    });
    if (fault !== 0) throw notFinite(layer);
  }

  protected encode(
    layer: number,
    block: number,
    keys: Float32Array,
    values: Float32Array,
    from: number,
    tokens: number,
  ): boolean {
    const D = this.shape.headDim;
    const to = this.#planes[layer]!;
    const at = block * PAGE_TOKENS * D;
    const keyPeak = peakOf(keys, from, tokens * D);
    to.keyScales[block] = keyPeak / 127;
    const keyRate = keyPeak > 0 ? 127 / keyPeak : 0;
    // Adding a half and a large enough integer before truncation rounds to nearest.
    for (let i = from, o = at, end = from + tokens * D; i < end; i++, o++) to.keys[o] = keys[i]! * keyRate + 128.5;
    let finite = Number.isFinite(keyPeak);
    for (let t = 0; t < tokens; t++) {
      const row = from + t * D;
      const peak = peakOf(values, row, D);
      finite = finite && Number.isFinite(peak);
      to.valueScales[block * PAGE_TOKENS + t] = peak / 127;
      const rate = peak > 0 ? 127 / peak : 0;
      for (let i = row, o = at + t * D, end = row + D; i < end; i++, o++)
        to.values[o] = ((values[i]! * rate + 128.5) | 0) - 128;
    }
    to.valueScales.fill(0, block * PAGE_TOKENS + tokens, (block + 1) * PAGE_TOKENS);
    this.#clear(to, block, tokens);
    return finite;
  }

  #clear(planes: Int8Planes, block: number, tokens: number): void {
    const D = this.shape.headDim;
    const [from, end] = [(block * PAGE_TOKENS + tokens) * D, (block + 1) * PAGE_TOKENS * D];
    planes.keys.fill(ZERO_POINT, from, end);
    planes.values.fill(0, from, end);
  }

  protected decodeKeys(layer: number, block: number, tokens: number, out: Float32Array, to: number): void {
    const { keys, keyScales } = this.#planes[layer]!;
    const scale = keyScales[block]!;
    const D = this.shape.headDim;
    for (let i = block * PAGE_TOKENS * D, end = i + tokens * D, o = to; i < end; i++, o++)
      out[o] = (keys[i]! - ZERO_POINT) * scale;
  }

  protected decodeRotatedKeys(
    layer: number,
    block: number,
    tokens: number,
    out: Float32Array,
    to: number,
    { cos, sin, pairs }: RotaryTable,
    position: number,
  ): void {
    const { keys, keyScales } = this.#planes[layer]!;
    const scale = keyScales[block]!;
    const D = this.shape.headDim;
    const half = D >> 1;
    const [step, gap] = pairs === 'interleaved' ? [2, 1] : [1, half];
    let phase = position * half;
    let row = block * PAGE_TOKENS * D;
    for (let t = 0, target = to; t < tokens; t++, row += D, target += D)
      for (let n = 0, i = row, o = target; n < half; n++, i += step, o += step, phase++) {
        const a = (keys[i]! - ZERO_POINT) * scale;
        const b = (keys[i + gap]! - ZERO_POINT) * scale;
        const c = cos[phase]!;
        const s = sin[phase]!;
        out[o] = a * c - b * s;
        out[o + gap] = a * s + b * c;
      }
  }

  protected decodeValues(layer: number, block: number, tokens: number, out: Float32Array, to: number): void {
    const { values, valueScales } = this.#planes[layer]!;
    const D = this.shape.headDim;
    let i = block * PAGE_TOKENS * D;
    for (let t = 0, o = to; t < tokens; t++) {
      const scale = valueScales[block * PAGE_TOKENS + t]!;
      // Four at a time (a head has an even number of pairs): half of the time of one at a time.
      for (const end = i + D; i < end; i += 4, o += 4) {
        out[o] = values[i]! * scale;
        out[o + 1] = values[i + 1]! * scale;
        out[o + 2] = values[i + 2]! * scale;
        out[o + 3] = values[i + 3]! * scale;
      }
    }
  }

  protected parts(layer: number) {
    const { keys, values, keyScales, valueScales } = this.#planes[layer]!;
    const elements = PAGE_TOKENS * this.shape.headDim;
    return [
      [keys, elements],
      [values, elements],
      [keyScales, 1],
      [valueScales, PAGE_TOKENS],
    ] as const;
  }
}

const blockBytes = (headDim: number): number => 2 * PAGE_TOKENS * headDim + 4 + 4 * PAGE_TOKENS;

/** The largest magnitude; NaN or infinite when one of the numbers is. */
function peakOf(data: Float32Array, from: number, count: number): number {
  let peak = 0;
  let fault = 0;
  for (let i = from, end = from + count; i < end; i++) {
    const x = Math.abs(data[i]!);
    fault += x * 0;
    if (x > peak) peak = x;
  }
  return peak + fault;
}
