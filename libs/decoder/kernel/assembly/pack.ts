import { halves } from './constants';
import { eight, peak } from './round';

const FOUR_BITS_BYTES: usize = 20;
const EIGHT_BITS_BYTES: usize = 34;
const BLOCK_BYTES: usize = 36;

/** Stores 32 numbers of eight bits in the order of ROUNDED: even columns, then odd ones. */
// @ts-ignore: decorator
@inline
function storeColumns(to: usize, v: v128, u: v128): void {
  v128.store(to, v128.shuffle<i8>(v, u, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30));
  v128.store(to, v128.shuffle<i8>(v, u, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31), 16);
}

/**
 * Rows of a GGUF file's blocks of four bits (scale, minimum, 16 bytes) as the products read them: all minima of a row and zeros up to a
 * multiple of four, then scale and numbers of each block.
 */
export function packFour(from: usize, rows: i32, blocks: i32, to: usize): void {
  const minima: usize = <usize>(((blocks + 3) & ~3) << 2);
  for (let row = 0; row < rows; row++) {
    memory.fill(to, 0, minima);
    let out = to + minima;
    for (let b = 0; b < blocks; b++) {
      const both = halves(from);
      store<f32>(to + <usize>(b << 2), f32x4.extract_lane(both, 1));
      store<f32>(out, f32x4.extract_lane(both, 0));
      v128.store(out, v128.load(from, 4), 4);
      from += FOUR_BITS_BYTES;
      out += FOUR_BITS_BYTES;
    }
    to = out;
  }
}

/** Rows of a file's blocks of eight bits (scale, 32 bytes): columns in the order of ROUNDED. */
export function packEight(from: usize, rows: i32, blocks: i32, to: usize): void {
  for (let b = 0; b < rows * blocks; b++) {
    store<f32>(to, f32x4.extract_lane(halves(from), 0));
    storeColumns(to + 4, v128.load(from, 2), v128.load(from, 18));
    from += EIGHT_BITS_BYTES;
    to += BLOCK_BYTES;
  }
}

/** Rows of floats to the same. */
export function packFloats(from: usize, rows: i32, blocks: i32, to: usize): void {
  for (let b = 0; b < rows * blocks; b++) {
    const top = peak(from, 32);
    const rate = f32x4.splat(top > 0 ? 127 / top : 0);
    store<f32>(to, top / 127);
    const v = i8x16.narrow_i16x8_s(eight(from, rate), eight(from + 32, rate));
    const u = i8x16.narrow_i16x8_s(eight(from + 64, rate), eight(from + 96, rate));
    storeColumns(to + 4, v, u);
    from += 128;
    to += BLOCK_BYTES;
  }
}

/** The second factor of an adapter, f32 [rank, rows], to i16 [rows, padded]: times `rate`, zeros beyond the rank. */
export function packLow(from: usize, rank: i32, padded: i32, rows: i32, rate: f32, to: usize): void {
  memory.fill(to, 0, <usize>((rows * padded) << 1));
  for (let row = 0; row < rows; row++) {
    let x = from + <usize>(row << 2);
    for (let r = 0; r < rank; r++) {
      store<i16>(to + <usize>((row * padded + r) << 1), <i16>nearest(load<f32>(x) * rate));
      x += <usize>(rows << 2);
    }
  }
}

/** The first factor, f32 [columns, rank], to f32 [padded, columns]: times `factor`, zeros beyond the rank. */
export function turnLow(from: usize, rank: i32, padded: i32, columns: i32, factor: f32, to: usize): void {
  memory.fill(to, 0, <usize>((padded * columns) << 2));
  for (let i = 0; i < columns; i++)
    for (let r = 0; r < rank; r++) {
      store<f32>(to + <usize>((r * columns + i) << 2), load<f32>(from) * factor);
      from += 4;
    }
}
