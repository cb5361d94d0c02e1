import { CAPACITY, HEAD_DIM, KV_HEADS, LAYERS, WORKING_SET } from '../layout';
import { eight, peak } from './round';

// Of every layer and KV head: keys i16 [capacity / 4, headDim / 2, 4, 2], rows in fours; values i16 [capacity / 2, headDim, 2], rows in pairs; then f32
// [capacity] each: scales of keys, scales of values, and what is added to a row's scores.

/** Largest rounded key, and query: the sum of a head's products stays within 32 bits. */
// @ts-ignore: decorator
@inline
export function scorePeak(): f32 {
  return floor(sqrt(<f32>2147480000 / <f32>load<i32>(HEAD_DIM)));
}

/** Largest rounded value: the sum of a chunk's rows stays within 32 bits. */
export const VALUE_PEAK: f32 = 2047;

/** Bytes of one layer and KV head. */
// @ts-ignore: decorator
@inline
export function headBytes(): usize {
  return <usize>(load<i32>(CAPACITY) * (load<i32>(HEAD_DIM) * 4 + 12));
}

// @ts-ignore: decorator
@inline
export function headOf(layer: i32, head: i32): usize {
  return load<usize>(WORKING_SET) + <usize>(layer * load<i32>(KV_HEADS) + head) * headBytes();
}

// @ts-ignore: decorator
@inline
export function valuesOf(head: usize): usize {
  return head + <usize>((load<i32>(CAPACITY) * load<i32>(HEAD_DIM)) << 1);
}

// @ts-ignore: decorator
@inline
export function keyScalesOf(head: usize): usize {
  return head + <usize>((load<i32>(CAPACITY) * load<i32>(HEAD_DIM)) << 2);
}

/** Scales and bias of one row, by its largest key and value. */
function writeScales(head: usize, row: i32, key: f32, value: f32, bias: f32): void {
  const size: usize = <usize>(load<i32>(CAPACITY) << 2);
  const scales = keyScalesOf(head) + <usize>(row << 2);
  store<f32>(scales, key / scorePeak());
  store<f32>(scales + size, value / VALUE_PEAK);
  store<f32>(scales + 2 * size, bias);
}

// @ts-ignore: decorator
@inline
function rateOf(top: f32, peak: f32): v128 {
  return f32x4.splat(top > 0 ? peak / top : 0);
}

/** Writes one row of keys and of values, f32 [headDim] each. */
export function writeRow(head: usize, row: i32, key: usize, value: usize, bias: f32): void {
  const dim = load<i32>(HEAD_DIM);
  const keyTop = peak(key, dim), valueTop = peak(value, dim);
  writeScales(head, row, keyTop, valueTop, bias);
  const keyRate = rateOf(keyTop, scorePeak()), valueRate = rateOf(valueTop, VALUE_PEAK);
  let k = head + <usize>((((row & ~3) * dim) << 1) + ((row & 3) << 2));
  let v = valuesOf(head) + <usize>((((row & ~1) * dim) << 1) + ((row & 1) << 1));
  for (let d = 0; d < dim; d += 8) {
    const a = eight(key, keyRate);
    v128.store32_lane(k, a, 0, 0);
    v128.store32_lane(k, a, 1, 16);
    v128.store32_lane(k, a, 2, 32);
    v128.store32_lane(k, a, 3, 48);
    const b = eight(value, valueRate);
    v128.store16_lane(v, b, 0, 0);
    v128.store16_lane(v, b, 1, 4);
    v128.store16_lane(v, b, 2, 8);
    v128.store16_lane(v, b, 3, 12);
    v128.store16_lane(v, b, 4, 16);
    v128.store16_lane(v, b, 5, 20);
    v128.store16_lane(v, b, 6, 24);
    v128.store16_lane(v, b, 7, 28);
    k += 64;
    v += 32;
    key += 32;
    value += 32;
  }
}

/** The same for four rows from `row` on, a multiple of four: whole vectors are stored. */
function writeFour(head: usize, row: i32, key: usize, value: usize, bias: usize): void {
  const dim = load<i32>(HEAD_DIM);
  const bytes: usize = <usize>(dim << 2);
  const k0 = peak(key, dim), k1 = peak(key + bytes, dim), k2 = peak(key + 2 * bytes, dim), k3 = peak(key + 3 * bytes, dim);
  const v0 = peak(value, dim), v1 = peak(value + bytes, dim), v2 = peak(value + 2 * bytes, dim), v3 = peak(value + 3 * bytes, dim);
  writeScales(head, row, k0, v0, load<f32>(bias));
  writeScales(head, row + 1, k1, v1, load<f32>(bias, 4));
  writeScales(head, row + 2, k2, v2, load<f32>(bias, 8));
  writeScales(head, row + 3, k3, v3, load<f32>(bias, 12));
  const most = scorePeak();
  const keys = head + <usize>((row * dim) << 1);
  fourKeys(key, bytes, keys, rateOf(k0, most), rateOf(k1, most), rateOf(k2, most), rateOf(k3, most));
  const to = valuesOf(head) + <usize>((row * dim) << 1);
  twoValues(value, bytes, to, rateOf(v0, VALUE_PEAK), rateOf(v1, VALUE_PEAK));
  twoValues(value + 2 * bytes, bytes, to + bytes, rateOf(v2, VALUE_PEAK), rateOf(v3, VALUE_PEAK));
}

function fourKeys(key: usize, bytes: usize, to: usize, r0: v128, r1: v128, r2: v128, r3: v128): void {
  const end = key + bytes;
  while (key < end) {
    const a = eight(key, r0), b = eight(key + bytes, r1);
    const c = eight(key + 2 * bytes, r2), d = eight(key + 3 * bytes, r3);
    const ab = v128.shuffle<i32>(a, b, 0, 4, 1, 5), cd = v128.shuffle<i32>(c, d, 0, 4, 1, 5);
    v128.store(to, v128.shuffle<i64>(ab, cd, 0, 2));
    v128.store(to, v128.shuffle<i64>(ab, cd, 1, 3), 16);
    const ef = v128.shuffle<i32>(a, b, 2, 6, 3, 7), gh = v128.shuffle<i32>(c, d, 2, 6, 3, 7);
    v128.store(to, v128.shuffle<i64>(ef, gh, 0, 2), 32);
    v128.store(to, v128.shuffle<i64>(ef, gh, 1, 3), 48);
    key += 32;
    to += 64;
  }
}

function twoValues(value: usize, bytes: usize, to: usize, r0: v128, r1: v128): void {
  const end = value + bytes;
  while (value < end) {
    const a = eight(value, r0), b = eight(value + bytes, r1);
    v128.store(to, v128.shuffle<i16>(a, b, 0, 8, 1, 9, 2, 10, 3, 11));
    v128.store(to, v128.shuffle<i16>(a, b, 4, 12, 5, 13, 6, 14, 7, 15), 16);
    value += 32;
    to += 32;
  }
}

/** Rows are read four at a time: those that follow the last one weigh nothing. */
export function clearScales(head: usize, row: i32): void {
  const values = keyScalesOf(head) + <usize>(load<i32>(CAPACITY) << 2);
  for (; (row & 3) != 0; row++) store<f32>(values + <usize>(row << 2), 0);
}

/** Writes rows `from` to `to` of one layer and KV head from f32 [to - from, headDim] of keys and values and f32 [to - from] of bias. */
export function writeRows(layer: i32, kvHead: i32, from: i32, to: i32, keys: usize, values: usize, bias: usize): void {
  const head = headOf(layer, kvHead);
  const bytes: usize = <usize>(load<i32>(HEAD_DIM) << 2);
  let row = from;
  while (row < to) {
    const four = (row & 3) == 0 && row + 4 <= to;
    if (four) writeFour(head, row, keys, values, bias);
    else writeRow(head, row, keys, values, load<f32>(bias));
    const count = four ? 4 : 1;
    row += count;
    keys += <usize>count * bytes;
    values += <usize>count * bytes;
    bias += <usize>(count << 2);
  }
}

/** Bytes of a working set. */
export function workingSetBytes(): usize {
  return <usize>(load<i32>(LAYERS) * load<i32>(KV_HEADS)) * headBytes();
}
