/** What one token leaves behind in attention: keys and values of [layers, kvHeads, headDim] each. */
export interface KvShape {
  layers: number;
  kvHeads: number;
  headDim: number;
}

/** How one block of keys and one of values lie in memory. */
export interface BlockCodec {
  /** Part of a spill file's header: files of another codec are not read. */
  readonly name: string;
  /** Bytes of one page in one layer and KV head: keys, values and their scales. */
  blockBytes(headDim: number): number;
  /** A reader and writer of blocks in one slab of memory. */
  over(slab: ArrayBufferLike, headDim: number): BlockAccess;
}

export interface BlockAccess {
  /**
   * Encodes up to a page of rows. Missing rows (`tokens` < PAGE_TOKENS) are zero.
   * @param at byte offset of the block in the slab
   * @param keys row-major [tokens, headDim] from `from`; `values` likewise
   * @returns false when a number is NaN, infinite or too large to be encoded; the block is then not to be used
   */
  encode(at: number, keys: Float32Array, values: Float32Array, from: number, tokens: number): boolean;
  /** Decodes the first `tokens` rows of keys to `out` at `to`, row-major. */
  decodeKeys(at: number, tokens: number, out: Float32Array, to: number): void;
  /** As `decodeKeys`, with rotary phase: row `t` stands at `position + t` of the table. */
  decodeKeysRotated(
    at: number,
    tokens: number,
    out: Float32Array,
    to: number,
    rotary: RotaryTable,
    position: number,
  ): void;
  decodeValues(at: number, tokens: number, out: Float32Array, to: number): void;
}

/** Cosines and sines of rotary position embedding (RoFormer, arXiv:2104.09864), [positions, headDim / 2] each. */
export interface RotaryTable {
  readonly cos: Float32Array;
  readonly sin: Float32Array;
  /** Which elements form a pair: (2i, 2i+1) as in GGUF's Llama files, or (i, i + headDim/2) as in safetensors. */
  readonly pairs: 'interleaved' | 'halves';
}

/**
 * @example
 * const rotary = rotaryTable({ positions: 8192, headDim: 64, theta: 100_000, pairs: 'interleaved' });
 */
export function rotaryTable(of: {
  positions: number;
  headDim: number;
  theta: number;
  pairs: RotaryTable['pairs'];
}): RotaryTable {
  const half = of.headDim / 2;
  const cos = new Float32Array(of.positions * half);
  const sin = new Float32Array(of.positions * half);
  for (let i = 0; i < half; i++) {
    const frequency = of.theta ** ((-2 * i) / of.headDim);
    for (let p = 0; p < of.positions; p++) {
      cos[p * half + i] = Math.cos(p * frequency);
      sin[p * half + i] = Math.sin(p * frequency);
    }
  }
  return { cos, sin, pairs: of.pairs };
}
