import { type BlockAccess, type BlockCodec, type RotaryTable } from './kv-shape.js';
import { PAGE_TOKENS } from './page-pool.js';

/**
 * Keys and values as they are: four times the memory of int8, no error. For proving that a working set of everything
 * equals dense attention, and as the yardstick of other codecs.
 *
 *   block = keys f32 [16, D] · values f32 [16, D]
 */
export const float32Codec: BlockCodec = {
  name: 'float32',
  blockBytes: (headDim) => 2 * PAGE_TOKENS * headDim * 4,
  over: (slab, headDim) => new Float32Blocks(slab, headDim),
};

class Float32Blocks implements BlockAccess {
  readonly #data: Float32Array;
  readonly #dim: number;

  constructor(slab: ArrayBufferLike, headDim: number) {
    this.#data = new Float32Array(slab);
    this.#dim = headDim;
  }

  encode(at: number, keys: Float32Array, values: Float32Array, from: number, tokens: number): boolean {
    const block = PAGE_TOKENS * this.#dim;
    const count = tokens * this.#dim;
    const start = at / 4;
    this.#data.fill(0, start, start + 2 * block);
    this.#data.set(keys.subarray(from, from + count), start);
    this.#data.set(values.subarray(from, from + count), start + block);
    let fault = 0;
    for (let i = from; i < from + count; i++) fault += keys[i]! * 0 + values[i]! * 0;
    return fault === 0;
  }

  decodeKeys(at: number, tokens: number, out: Float32Array, to: number): void {
    out.set(this.#data.subarray(at / 4, at / 4 + tokens * this.#dim), to);
  }

  decodeKeysRotated(
    at: number,
    tokens: number,
    out: Float32Array,
    to: number,
    rotary: RotaryTable,
    position: number,
  ): void {
    this.decodeKeys(at, tokens, out, to);
    const D = this.#dim;
    const half = D / 2;
    const [step, gap] = rotary.pairs === 'interleaved' ? [2, 1] : [1, half];
    for (let t = 0; t < tokens; t++)
      for (let i = 0; i < half; i++) {
        const o = to + t * D + i * step;
        const a = out[o]!;
        const b = out[o + gap]!;
        const c = rotary.cos[(position + t) * half + i]!;
        const s = rotary.sin[(position + t) * half + i]!;
        out[o] = a * c - b * s;
        out[o + gap] = a * s + b * c;
      }
  }

  decodeValues(at: number, tokens: number, out: Float32Array, to: number): void {
    const start = at / 4 + PAGE_TOKENS * this.#dim;
    out.set(this.#data.subarray(start, start + tokens * this.#dim), to);
  }
}
