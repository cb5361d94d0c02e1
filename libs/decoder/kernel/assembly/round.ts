import { CONSTANTS, ENTERING, EPSILON, ROUNDED, ROUNDED_SCALE, SUMS } from '../layout';
import { lanes } from './constants';

/** Largest magnitude of `count` numbers, a multiple of four; NaN when one of them is: without their signs, floats are ordered as integers are. */
export function peak(p: usize, count: i32): f32 {
  const unsigned = v128.load(CONSTANTS, 224);
  let m = v128.and(v128.load(p), unsigned);
  const end = p + <usize>(count << 2);
  for (p += 16; p < end; p += 16) m = i32x4.max_s(m, v128.and(v128.load(p), unsigned));
  return reinterpret<f32>(
    max(
      max(i32x4.extract_lane(m, 0), i32x4.extract_lane(m, 1)),
      max(i32x4.extract_lane(m, 2), i32x4.extract_lane(m, 3)),
    ),
  );
}

/**
 * Eight numbers times `rate`, at most 2^15 then, rounded to 16 bits: beside 1.5 · 2^23 a float's last bits are its integer part. A NaN
 * becomes some number; its scale is NaN.
 */
// @ts-ignore: decorator
@inline
export function eight(p: usize, rate: v128): v128 {
  const beside = v128.load(CONSTANTS, 208);
  return i16x8.narrow_i32x4_s(
    i32x4.sub(f32x4.add(f32x4.mul(v128.load(p), rate), beside), beside),
    i32x4.sub(f32x4.add(f32x4.mul(v128.load(p, 16), rate), beside), beside),
  );
}

/**
 * Rounds what enters a product, ENTERING, to 16 bits with one scale. A block of 32 is laid out as the four-bit blocks of a GGUF
 * file unpack: even columns of its first half, of its second, then odd ones.
 */
export function roundEntering(columns: i32): void {
  let x = load<usize>(ENTERING);
  const end = x + <usize>(columns << 2);
  const top = peak(x, columns);
  store<f32>(load<usize>(ROUNDED_SCALE), top / 32767);
  const rate = f32x4.splat(top > 0 ? 32767 / top : 0);
  let to = load<usize>(ROUNDED);
  let sum = load<usize>(SUMS);
  while (x < end) {
    const a = eight(x, rate), b = eight(x + 32, rate);
    v128.store(to, v128.shuffle<i16>(a, b, 0, 2, 4, 6, 8, 10, 12, 14));
    v128.store(to, v128.shuffle<i16>(a, b, 1, 3, 5, 7, 9, 11, 13, 15), 32);
    const c = eight(x + 64, rate), d = eight(x + 96, rate);
    v128.store(to, v128.shuffle<i16>(c, d, 0, 2, 4, 6, 8, 10, 12, 14), 16);
    v128.store(to, v128.shuffle<i16>(c, d, 1, 3, 5, 7, 9, 11, 13, 15), 48);
    let s = f32x4.add(f32x4.add(v128.load(x), v128.load(x, 16)), f32x4.add(v128.load(x, 32), v128.load(x, 48)));
    s = f32x4.add(s, f32x4.add(v128.load(x, 64), v128.load(x, 80)));
    s = f32x4.add(s, f32x4.add(v128.load(x, 96), v128.load(x, 112)));
    store<f32>(sum, lanes(s));
    x += 128;
    to += 64;
    sum += 4;
  }
  // Minima are read four blocks at a time.
  for (let rest = (columns >> 5) & 3; rest != 0 && rest < 4; rest++) {
    store<f32>(sum, 0);
    sum += 4;
  }
}

/** RMSNorm of `count` numbers, to `out`, which may be where they are. */
export function norm(x: usize, count: i32, weight: usize, out: usize): void {
  const bytes: usize = <usize>(count << 2);
  let sum = f32x4.splat(0);
  for (let at: usize = 0; at < bytes; at += 16) {
    const v = v128.load(x + at);
    sum = f32x4.add(sum, f32x4.mul(v, v));
  }
  const rate = f32x4.splat(1 / sqrt(lanes(sum) / <f32>count + load<f32>(EPSILON)));
  for (let at: usize = 0; at < bytes; at += 16)
    v128.store(out + at, f32x4.mul(f32x4.mul(v128.load(x + at), rate), v128.load(weight + at)));
}
