import { type BlockAccess, type BlockCodec, type RotaryTable } from './kv-shape.js';
import { PAGE_TOKENS } from './page-pool.js';

/**
 * Keys and values in int8 (docs/decisions: KV precision has the measured error of each scheme).
 *
 * Keys have outlier channels, so they have one scale per channel and page; values have one scale per token.
 * A scale is one byte, an exponent in eighths of a power of two, which costs at most 9 % of a quantisation step:
 *
 *   block = keys int8 [16, D] · values int8 [16, D] · key scales u8 [D] · value scales u8 [16]
 *
 * D = 64: 2,128 bytes, and over 30 layers of 3 heads 11,970 bytes a token.
 */
export const int8Codec: BlockCodec = {
  name: 'int8',
  blockBytes: (headDim) => 2 * PAGE_TOKENS * headDim + headDim + PAGE_TOKENS,
  over: (slab, headDim) => new Int8Blocks(slab, headDim),
};

const STEPS = 8;
const ZERO = 160;
/** Scale of each code: 2^((code - 160) / 8), from 2^-20 to 2^11.9. */
const SCALES = Float32Array.from({ length: 256 }, (_, code) => 2 ** ((code - ZERO) / STEPS));

/** The largest magnitude that fits: 477,000, far beyond what a working model computes. */
const MAX_PEAK = 127 * SCALES[255]!;

/** The smallest code whose scale brings `peak` within ±127. */
function scaleCode(peak: number): number {
  const code = Math.ceil(Math.log2(peak / 127) * STEPS) + ZERO;
  return code > 255 ? 255 : code > 0 ? code : 0;
}

class Int8Blocks implements BlockAccess {
  readonly #codes: Int8Array;
  readonly #bytes: Uint8Array;
  readonly #dim: number;
  readonly #peaks: Float32Array;
  readonly #channelScales: Float32Array;

  constructor(slab: ArrayBufferLike, headDim: number) {
    this.#codes = new Int8Array(slab);
    this.#bytes = new Uint8Array(slab);
    this.#dim = headDim;
    this.#peaks = new Float32Array(headDim);
    this.#channelScales = new Float32Array(headDim);
  }

  encode(at: number, keys: Float32Array, values: Float32Array, from: number, tokens: number): boolean {
    const D = this.#dim;
    const codes = this.#codes;
    const bytes = this.#bytes;
    const peaks = this.#peaks;
    const inverse = this.#channelScales;
    const valuesAt = at + PAGE_TOKENS * D;
    const keyScalesAt = valuesAt + PAGE_TOKENS * D;
    const valueScalesAt = keyScalesAt + D;

    // A sum of zeros, unless a number is NaN or infinite.
    let fault = 0;
    let largest = 0;
    peaks.fill(0);
    for (let t = 0, i = from; t < tokens; t++)
      for (let d = 0; d < D; d++, i++) {
        const x = Math.abs(keys[i]!);
        fault += x * 0;
        if (x > peaks[d]!) peaks[d] = x;
      }
    for (let d = 0; d < D; d++) {
      const peak = peaks[d]!;
      if (peak > largest) largest = peak;
      const code = scaleCode(peak);
      bytes[keyScalesAt + d] = code;
      inverse[d] = 1 / SCALES[code]!;
    }
    for (let t = 0, i = from, o = at; t < tokens; t++)
      for (let d = 0; d < D; d++, i++, o++) codes[o] = ((keys[i]! * inverse[d]! + 128.5) | 0) - 128;

    for (let t = 0, row = from; t < tokens; t++, row += D) {
      let peak = 0;
      for (let d = 0; d < D; d++) {
        const x = Math.abs(values[row + d]!);
        fault += x * 0;
        if (x > peak) peak = x;
      }
      if (peak > largest) largest = peak;
      const code = scaleCode(peak);
      bytes[valueScalesAt + t] = code;
      const scale = 1 / SCALES[code]!;
      for (let d = 0, o = valuesAt + t * D; d < D; d++, o++) codes[o] = ((values[row + d]! * scale + 128.5) | 0) - 128;
    }
    codes.fill(0, at + tokens * D, valuesAt);
    codes.fill(0, valuesAt + tokens * D, keyScalesAt);
    return fault === 0 && largest <= MAX_PEAK;
  }

  decodeKeys(at: number, tokens: number, out: Float32Array, to: number): void {
    const D = this.#dim;
    const codes = this.#codes;
    const scales = this.#loadKeyScales(at);
    for (let t = 0, i = at, o = to; t < tokens; t++)
      for (let d = 0; d < D; d++, i++, o++) out[o] = codes[i]! * scales[d]!;
  }

  decodeKeysRotated(
    at: number,
    tokens: number,
    out: Float32Array,
    to: number,
    rotary: RotaryTable,
    position: number,
  ): void {
    const D = this.#dim;
    const half = D >> 1;
    const codes = this.#codes;
    const scales = this.#loadKeyScales(at);
    const { cos, sin } = rotary;
    let phase = position * half;
    if (rotary.pairs === 'interleaved') {
      for (let t = 0, i = at, o = to; t < tokens; t++)
        for (let d = 0; d < D; d += 2, i += 2, o += 2, phase++) {
          const a = codes[i]! * scales[d]!;
          const b = codes[i + 1]! * scales[d + 1]!;
          const c = cos[phase]!;
          const s = sin[phase]!;
          out[o] = a * c - b * s;
          out[o + 1] = a * s + b * c;
        }
    } else {
      for (let t = 0, row = at, target = to; t < tokens; t++, row += D, target += D)
        for (let d = 0; d < half; d++, phase++) {
          const a = codes[row + d]! * scales[d]!;
          const b = codes[row + d + half]! * scales[d + half]!;
          const c = cos[phase]!;
          const s = sin[phase]!;
          out[target + d] = a * c - b * s;
          out[target + d + half] = a * s + b * c;
        }
    }
  }

  decodeValues(at: number, tokens: number, out: Float32Array, to: number): void {
    const D = this.#dim;
    const codes = this.#codes;
    const valuesAt = at + PAGE_TOKENS * D;
    const scalesAt = valuesAt + PAGE_TOKENS * D + D;
    for (let t = 0, i = valuesAt, o = to; t < tokens; t++) {
      const scale = SCALES[this.#bytes[scalesAt + t]!]!;
      for (const end = i + D; i < end; i++, o++) out[o] = codes[i]! * scale;
    }
  }

  #loadKeyScales(at: number): Float32Array {
    const D = this.#dim;
    const scales = this.#channelScales;
    const bytes = this.#bytes;
    for (let d = 0, i = at + 2 * PAGE_TOKENS * D; d < D; d++, i++) scales[d] = SCALES[bytes[i]!]!;
    return scales;
  }
}
