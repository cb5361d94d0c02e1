import { halves } from './constants';
import { eight, peak } from './round';

const FOUR_BITS_BYTES: usize = 20;
const EIGHT_BITS_BYTES: usize = 34;
const BLOCK_BYTES: usize = 36;

/** Where a file holds row `row` of heads of `dim` rows whose rotated pairs lie side by side in it; here they are half a head apart. */
function placeOf(row: i32, dim: i32): i32 {
  if (dim == 0) return row;
  const inHead = row % dim, half = dim >> 1;
  return row - inHead + (inHead < half ? 2 * inHead : 2 * (inHead - half) + 1);
}

/**
 * Rows of a GGUF file's blocks of four bits (scale, minimum, 16 bytes) as the products read them: all minima of a row and zeros up to a
 * multiple of four, then scale and numbers of each block.
 * @param dim rows of a head whose pairs are to be put apart, or 0
 */
export function packFour(from: usize, rows: i32, blocks: i32, dim: i32, to: usize): void {
  const minima: usize = <usize>(((blocks + 3) & ~3) << 2);
  for (let row = 0; row < rows; row++) {
    let block = from + <usize>(placeOf(row, dim) * blocks) * FOUR_BITS_BYTES;
    memory.fill(to, 0, minima);
    let out = to + minima;
    for (let b = 0; b < blocks; b++) {
      const both = halves(block);
      store<f32>(to + <usize>(b << 2), f32x4.extract_lane(both, 1));
      store<f32>(out, f32x4.extract_lane(both, 0));
      v128.store(out, v128.load(block, 4), 4);
      block += FOUR_BITS_BYTES;
      out += FOUR_BITS_BYTES;
    }
    to = out;
  }
}

/** Rows of a file's blocks of eight bits (scale, 32 bytes): columns in the order of ROUNDED. */
export function packEight(from: usize, rows: i32, blocks: i32, dim: i32, to: usize): void {
  for (let row = 0; row < rows; row++) {
    let block = from + <usize>(placeOf(row, dim) * blocks) * EIGHT_BITS_BYTES;
    for (let b = 0; b < blocks; b++) {
      store<f32>(to, f32x4.extract_lane(halves(block), 0));
      const v = v128.load(block, 2), u = v128.load(block, 18);
      v128.store(to, v128.shuffle<i8>(v, u, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30), 4);
      v128.store(to, v128.shuffle<i8>(v, u, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31), 20);
      block += EIGHT_BITS_BYTES;
      to += BLOCK_BYTES;
    }
  }
}

/** Rows of floats to the same. */
export function packFloats(from: usize, rows: i32, blocks: i32, dim: i32, to: usize): void {
  for (let row = 0; row < rows; row++) {
    let x = from + <usize>((placeOf(row, dim) * blocks) << 7);
    for (let b = 0; b < blocks; b++) {
      const top = peak(x, 32);
      const rate = f32x4.splat(top > 0 ? 127 / top : 0);
      store<f32>(to, top / 127);
      const v = i8x16.narrow_i16x8_s(eight(x, rate), eight(x + 32, rate));
      const u = i8x16.narrow_i16x8_s(eight(x + 64, rate), eight(x + 96, rate));
      v128.store(to, v128.shuffle<i8>(v, u, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30), 4);
      v128.store(to, v128.shuffle<i8>(v, u, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31), 20);
      x += 128;
      to += BLOCK_BYTES;
    }
  }
}

/** The second factor of an adapter, f32 [rank, rows], to i16 [rows, padded]: times `rate`, zeros beyond the rank. */
export function packLow(from: usize, rank: i32, padded: i32, rows: i32, dim: i32, rate: f32, to: usize): void {
  memory.fill(to, 0, <usize>((rows * padded) << 1));
  for (let row = 0; row < rows; row++) {
    let x = from + <usize>(placeOf(row, dim) << 2);
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
