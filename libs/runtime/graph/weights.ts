import type { DecoderConfig } from './architecture.js';

/** Named float tensors, row-major [out, in] for matrices, under GGUF's names. */
export interface TensorSource {
  has(name: string): boolean;
  floats(name: string): Promise<Float32Array<ArrayBuffer>>;
}

/** A low-rank update in the source's row order: W += scale · (a·b)ᵀ, a [in, rank], b [rank, out]. */
export interface Adapter {
  scale: number;
  matrix(name: string): { a: Float32Array; b: Float32Array; rank: number } | undefined;
}

/** Rows are output channels: [out, in]. */
export interface Matrix {
  out: number;
  in: number;
  data: Float32Array<ArrayBuffer>;
  bias?: Float32Array<ArrayBuffer>;
}

/** One layer, adapter merged, q/k/v and gate/up fused, rotary pairs as halves (i, i + D/2). */
export interface LayerWeights {
  attentionNorm: Float32Array<ArrayBuffer>;
  /** [(heads + 2·kvHeads)·headDim, hidden]: q, k, v. */
  qkv: Matrix;
  queryNorm?: Float32Array<ArrayBuffer>;
  keyNorm?: Float32Array<ArrayBuffer>;
  output: Matrix;
  feedForwardNorm: Float32Array<ArrayBuffer>;
  /** [2·feedForward, hidden]: gate, up. */
  gateUp: Matrix;
  down: Matrix;
}

export async function readLayer(
  source: TensorSource,
  config: DecoderConfig,
  layer: number,
  adapter?: Adapter,
): Promise<LayerWeights> {
  const name = (part: string): string => `blk.${layer}.${part}`;
  const optional = (part: string): Promise<Float32Array<ArrayBuffer>> | undefined =>
    source.has(name(part)) ? source.floats(name(part)) : undefined;

  const matrix = async (part: string): Promise<Matrix> => {
    const data = await source.floats(name(`${part}.weight`));
    const low = adapter?.matrix(name(part));
    if (low) mergeLowRank(data, low, adapter!.scale);
    const bias = await optional(`${part}.bias`);
    return { data, out: sizes(config)[part]!, in: data.length / sizes(config)[part]!, bias };
  };
  const rotated = async (part: string): Promise<Matrix> => {
    const from = await matrix(part);
    if (config.rotaryPairs === 'halves') return from;
    return {
      ...from,
      data: toHalves(from.data, from.in, config.headDim),
      bias: from.bias && toHalves(from.bias, 1, config.headDim),
    };
  };

  return {
    attentionNorm: await source.floats(name('attn_norm.weight')),
    qkv: stack([await rotated('attn_q'), await rotated('attn_k'), await matrix('attn_v')]),
    queryNorm: config.queryKeyNorm ? await source.floats(name('attn_q_norm.weight')) : undefined,
    keyNorm: config.queryKeyNorm ? await source.floats(name('attn_k_norm.weight')) : undefined,
    output: await matrix('attn_output'),
    feedForwardNorm: await source.floats(name('ffn_norm.weight')),
    gateUp: stack([await matrix('ffn_gate'), await matrix('ffn_up')]),
    down: await matrix('ffn_down'),
  };
}

function sizes(config: DecoderConfig): Record<string, number> {
  const { heads, kvHeads, headDim, hidden, feedForward } = config;
  return {
    attn_q: heads * headDim,
    attn_k: kvHeads * headDim,
    attn_v: kvHeads * headDim,
    attn_output: hidden,
    ffn_gate: feedForward,
    ffn_up: feedForward,
    ffn_down: hidden,
  };
}

/** data [out, in] += scale · (a·b)ᵀ, in place. */
export function mergeLowRank(
  data: Float32Array,
  { a, b, rank }: { a: Float32Array; b: Float32Array; rank: number },
  scale: number,
): void {
  const columns = a.length / rank;
  const rows = b.length / rank;
  // a by columns of the rank, so that the inner loop runs along a row of the weight.
  const at = new Float32Array(a.length);
  for (let i = 0; i < columns; i++) for (let r = 0; r < rank; r++) at[r * columns + i] = a[i * rank + r]!;
  for (let o = 0; o < rows; o++)
    for (let r = 0; r < rank; r += 4) addFour(data, o * columns, columns, at, r, rank, b, o, rows, scale);
}

/** Adds four rank-one terms to one row: four at once keep the row in registers' reach. */
function addFour(
  data: Float32Array,
  start: number,
  columns: number,
  at: Float32Array,
  r: number,
  rank: number,
  b: Float32Array,
  o: number,
  rows: number,
  scale: number,
): void {
  const factor = (k: number): number => (r + k < rank ? b[(r + k) * rows + o]! * scale : 0);
  const [f0, f1, f2, f3] = [factor(0), factor(1), factor(2), factor(3)];
  const row = (k: number): number => Math.min(r + k, rank - 1) * columns;
  const [a0, a1, a2, a3] = [row(0), row(1), row(2), row(3)];
  for (let i = 0; i < columns; i++)
    data[start + i] = data[start + i]! + f0 * at[a0 + i]! + f1 * at[a1 + i]! + f2 * at[a2 + i]! + f3 * at[a3 + i]!;
}

/** Reorders the rows of every head from interleaved rotary pairs to halves; a row is `columns` elements. */
export function toHalves<T extends Float32Array | Uint8Array>(data: T, columns: number, headDim: number): T {
  // Not a slice: a Buffer's is a view of the same memory.
  const out = (data instanceof Float32Array ? new Float32Array(data.length) : new Uint8Array(data.length)) as T;
  const half = headDim / 2;
  for (let row = 0; row < data.length / columns; row++) {
    const inHead = row % headDim;
    const target = row - inHead + (inHead % 2) * half + (inHead >> 1);
    out.set(data.subarray(row * columns, (row + 1) * columns), target * columns);
  }
  return out;
}

function stack(parts: Matrix[]): Matrix {
  const columns = parts[0]!.in;
  const out = parts.reduce((sum, part) => sum + part.out, 0);
  const data = new Float32Array(out * columns);
  const bias = parts.some((part) => part.bias) ? new Float32Array(out) : undefined;
  let row = 0;
  for (const part of parts) {
    data.set(part.data, row * columns);
    if (part.bias) bias!.set(part.bias, row);
    row += part.out;
  }
  return { data, out, in: columns, bias };
}
