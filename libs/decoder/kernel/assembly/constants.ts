import { CONSTANTS } from '../layout';

// V8 builds a vector constant anew wherever it is used, four instructions each time; a load is one. Likewise its maximum takes
// eight instructions where `pmax(x, m)` takes one, which is x when that is no number.

/** Fills the table. */
export function init(): void {
  v128.store(CONSTANTS, i16x8.splat(0x0f), 0);
  v128.store(CONSTANTS, i16x8.splat(0xf0), 16);
  v128.store(CONSTANTS, i32x4.splat(0x8fffffff), 32);
  v128.store(CONSTANTS, f32x4.splat(reinterpret<f32>(0x77800000)), 48); // 2^112
  v128.store(CONSTANTS, f32x4.splat(1.4426950408889634), 64);
  v128.store(CONSTANTS, f32x4.splat(-87), 80);
  v128.store(CONSTANTS, f32x4.splat(0.0013333558), 96);
  v128.store(CONSTANTS, f32x4.splat(0.0096181291), 112);
  v128.store(CONSTANTS, f32x4.splat(0.0555041087), 128);
  v128.store(CONSTANTS, f32x4.splat(0.2402265070), 144);
  v128.store(CONSTANTS, f32x4.splat(0.6931471806), 160);
  v128.store(CONSTANTS, f32x4.splat(1), 176);
  v128.store(CONSTANTS, i32x4.splat(127), 192);
  v128.store(CONSTANTS, f32x4.splat(12582912), 208); // 1.5 · 2^23
  v128.store(CONSTANTS, i32x4.splat(0x7fffffff), 224);
}

/** Four half-precision numbers at `p`; not for infinities. */
// @ts-ignore: decorator
@inline
export function halves(p: usize): v128 {
  const bits = v128.and(i32x4.shl(v128.load16x4_s(p), 13), v128.load(CONSTANTS, 32));
  return f32x4.mul(bits, v128.load(CONSTANTS, 48));
}

/** e^x for x ≤ 88, to a few units in the last place. */
// @ts-ignore: decorator
@inline
export function exponential(x: v128): v128 {
  const t = f32x4.mul(f32x4.pmax(x, v128.load(CONSTANTS, 80)), v128.load(CONSTANTS, 64));
  const n = f32x4.nearest(t);
  const f = f32x4.sub(t, n);
  let p = f32x4.add(f32x4.mul(v128.load(CONSTANTS, 96), f), v128.load(CONSTANTS, 112));
  p = f32x4.add(f32x4.mul(p, f), v128.load(CONSTANTS, 128));
  p = f32x4.add(f32x4.mul(p, f), v128.load(CONSTANTS, 144));
  p = f32x4.add(f32x4.mul(p, f), v128.load(CONSTANTS, 160));
  p = f32x4.add(f32x4.mul(p, f), v128.load(CONSTANTS, 176));
  return f32x4.mul(p, i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), v128.load(CONSTANTS, 192)), 23));
}

/** Sum of the four lanes. */
// @ts-ignore: decorator
@inline
export function lanes(v: v128): f32 {
  return (
    f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1) + (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3))
  );
}

/** Largest of the four lanes. */
// @ts-ignore: decorator
@inline
export function largest(v: v128): f32 {
  return max(
    max(f32x4.extract_lane(v, 0), f32x4.extract_lane(v, 1)),
    max(f32x4.extract_lane(v, 2), f32x4.extract_lane(v, 3)),
  );
}
