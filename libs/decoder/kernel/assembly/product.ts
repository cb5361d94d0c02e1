import {
  CONSTANTS,
  LOW,
  LOW_SCALES,
  PART_AT,
  PART_BIAS,
  PART_BITS,
  PART_BLOCKS,
  PART_LOW_AT,
  PART_LOW_IN,
  PART_LOW_INDEX,
  PART_LOW_OUT,
  PART_LOW_SCALE,
  PART_RANK,
  PART_WEIGHTS,
  PRODUCT,
  ROUNDED,
  ROUNDED_SCALE,
  SUMS,
} from '../layout';
import { lanes } from './constants';
import { eight, peak } from './round';

/**
 * A block of 32 weights is a scale and the numbers. Rows of four bits have a minimum for each block too; they stand before the
 * blocks, with zeros up to a multiple of four.
 */
const FOUR_BYTES: i32 = 20;
const EIGHT_BYTES: i32 = 36;

// Loads are few in each of the loops below, and nothing is unrolled: V8 moves all loads of a loop's body to its beginning and
// spills what does not fit into sixteen registers. Two rows at a time, or two blocks, take a third longer.

/** Blocks of four bits from `w` to `end` times rounded numbers at `x`: four sums that are to be added. */
// @ts-ignore: decorator
@inline
function fourBits(w: usize, end: usize, x: usize): v128 {
  const low = v128.load(CONSTANTS, 0), high = v128.load(CONSTANTS, 16);
  let sum = f32x4.splat(0);
  while (w < end) {
    const v = v128.load(w, 4);
    const u = i16x8.shr_u(v, 8);
    const a = i32x4.add(
      i32x4.dot_i16x8_s(v128.and(v, low), v128.load(x)),
      i32x4.dot_i16x8_s(v128.and(u, low), v128.load(x, 32)),
    );
    // Sixteen times too large, and shifted once at the end.
    const b = i32x4.add(
      i32x4.dot_i16x8_s(v128.and(v, high), v128.load(x, 16)),
      i32x4.dot_i16x8_s(v128.and(u, high), v128.load(x, 48)),
    );
    const dot = f32x4.convert_i32x4_s(i32x4.add(a, i32x4.shr_s(b, 4)));
    sum = f32x4.add(sum, f32x4.mul(dot, v128.load32_splat(w)));
    w += FOUR_BYTES;
    x += 64;
  }
  return sum;
}

/** The same of eight bits. */
// @ts-ignore: decorator
@inline
function eightBits(w: usize, end: usize, x: usize): v128 {
  let sum = f32x4.splat(0);
  while (w < end) {
    const v = v128.load(w, 4), u = v128.load(w, 20);
    const a = i32x4.add(
      i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(v), v128.load(x)),
      i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(v), v128.load(x, 16)),
    );
    const b = i32x4.add(
      i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(u), v128.load(x, 32)),
      i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(u), v128.load(x, 48)),
    );
    sum = f32x4.add(sum, f32x4.mul(f32x4.convert_i32x4_s(i32x4.add(a, b)), v128.load32_splat(w)));
    w += EIGHT_BYTES;
    x += 64;
  }
  return sum;
}

/** Rows `from` to `to` of a part: PRODUCT = W · x + adapter + bias. */
export function multiply(part: usize, from: i32, to: i32): void {
  const four = load<i32>(part, PART_BITS) == 4;
  const blocks = load<i32>(part, PART_BLOCKS), rank = load<i32>(part, PART_RANK);
  const bias = load<usize>(part, PART_BIAS);
  const x = load<usize>(ROUNDED), sums = load<usize>(SUMS);
  const by = v128.load32_splat(load<usize>(ROUNDED_SCALE));
  const low = load<usize>(LOW) + <usize>(load<i32>(part, PART_LOW_AT) << 1);
  const lowScale = v128.load32_splat(load<usize>(LOW_SCALES) + <usize>(load<i32>(part, PART_LOW_INDEX) << 2));
  const lowBytes: usize = <usize>(rank << 1), minimaBytes: usize = four ? <usize>(((blocks + 3) & ~3) << 2) : 0;
  const stride = minimaBytes + <usize>(blocks * (four ? FOUR_BYTES : EIGHT_BYTES));
  let weights = load<usize>(part, PART_WEIGHTS) + <usize>from * stride;
  let lowOut = load<usize>(part, PART_LOW_OUT) + <usize>from * lowBytes;
  let out = load<usize>(PRODUCT) + <usize>((load<i32>(part, PART_AT) + from) << 2);
  for (let row = from; row < to; row++) {
    const end = weights + stride, first = weights + minimaBytes;
    let rest = f32x4.splat(0);
    if (rank != 0) {
      let sum = i32x4.splat(0);
      for (let at: usize = 0; at < lowBytes; at += 16)
        sum = i32x4.add(sum, i32x4.dot_i16x8_s(v128.load(lowOut + at), v128.load(low + at)));
      rest = f32x4.mul(f32x4.convert_i32x4_s(sum), lowScale);
    }
    for (let at: usize = 0; at < minimaBytes; at += 16)
      rest = f32x4.add(rest, f32x4.mul(v128.load(weights + at), v128.load(sums + at)));
    const sum = four ? fourBits(first, end, x) : eightBits(first, end, x);
    const value = lanes(f32x4.add(rest, f32x4.mul(sum, by)));
    store<f32>(out, bias != 0 ? value + load<f32>(bias + <usize>(row << 2)) : value);
    out += 4;
    lowOut += lowBytes;
    weights = end;
  }
}

/** Largest rounded number of both factors of an adapter: 256 products of them stay within 32 bits. */
const LOW_PEAK: f32 = 4095;

/** The adapter's first factor: LOW = A · x, rounded. */
export function lower(part: usize, scratch: usize): void {
  const rank = load<i32>(part, PART_RANK);
  if (rank == 0) return;
  const stride: usize = <usize>(load<i32>(part, PART_BLOCKS) * EIGHT_BYTES);
  const scale = load<f32>(load<usize>(ROUNDED_SCALE));
  let row = load<usize>(part, PART_LOW_IN);
  const end = scratch + <usize>(rank << 2);
  for (let to = scratch; to < end; to += 4) {
    store<f32>(to, lanes(eightBits(row, row + stride, load<usize>(ROUNDED))) * scale);
    row += stride;
  }
  const top = peak(scratch, rank);
  const rate = f32x4.splat(top > 0 ? LOW_PEAK / top : 0);
  const low = load<usize>(LOW) + <usize>(load<i32>(part, PART_LOW_AT) << 1);
  for (let r = 0; r < rank; r += 8) v128.store(low + <usize>(r << 1), eight(scratch + <usize>(r << 2), rate));
  const to = load<usize>(LOW_SCALES) + <usize>(load<i32>(part, PART_LOW_INDEX) << 2);
  store<f32>(to, (top / LOW_PEAK) * load<f32>(part, PART_LOW_SCALE));
}
