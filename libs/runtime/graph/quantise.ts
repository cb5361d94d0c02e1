import type { Matrix } from './weights.js';

/** [in, out] int8 with one symmetric scale per output channel. */
export interface Columns {
  weight: Int8Array;
  scales: Float32Array;
}

/** [out, in] u8 around 128 with one scale per `size` inputs. */
export interface Blocks {
  weight: Uint8Array;
  scales: Float32Array;
  size: number;
}

const BLOCK = 64;

export function transpose({ data, in: columns, out }: Matrix): Float32Array {
  const result = new Float32Array(data.length);
  for (let o = 0; o < out; o++) for (let i = 0; i < columns; i++) result[i * out + o] = data[o * columns + i]!;
  return result;
}

export function quantiseColumns({ data, in: columns, out }: Matrix): Columns {
  const weight = new Int8Array(data.length);
  const scales = new Float32Array(out);
  const TILE = 16; // Output channels that are transposed together, so that writes stay within cache lines.
  const inverse = new Float32Array(TILE);
  for (let first = 0; first < out; first += TILE) {
    const count = Math.min(TILE, out - first);
    for (let k = 0; k < count; k++) {
      const peak = peakOf(data, (first + k) * columns, columns);
      scales[first + k] = peak / 127;
      inverse[k] = peak > 0 ? 127 / peak : 0;
    }
    for (let i = 0; i < columns; i++)
      for (let k = 0; k < count; k++)
        weight[i * out + first + k] = Math.round(data[(first + k) * columns + i]! * inverse[k]!);
  }
  return { weight, scales };
}

export function quantiseBlocks({ data, in: columns }: Matrix): Blocks {
  if (columns % BLOCK !== 0) throw new RangeError(`${columns} inputs are no multiple of ${BLOCK}`);
  const weight = new Uint8Array(data.length);
  const scales = new Float32Array(data.length / BLOCK);
  for (let block = 0, at = 0; block < scales.length; block++) {
    const peak = peakOf(data, at, BLOCK);
    scales[block] = peak / 127;
    const inverse = peak > 0 ? 127 / peak : 0;
    for (const end = at + BLOCK; at < end; at++) weight[at] = data[at]! * inverse + 128.5;
  }
  return { weight, scales, size: BLOCK };
}

function peakOf(data: Float32Array, from: number, count: number): number {
  let peak = 0;
  for (let i = from; i < from + count; i++) {
    const value = Math.abs(data[i]!);
    if (value > peak) peak = value;
  }
  return peak;
}
