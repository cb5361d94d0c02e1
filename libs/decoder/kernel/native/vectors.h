// LANES numbers at once: `Floats` f_*, `Wholes` (of 32 bits) w_*, and what is made of them on every processor.
#pragma once
#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <string.h>
#include "kernel.h"

/** Less than any score. */
#define LOWEST (-1e30f)

#define INLINE static inline __attribute__((always_inline))

#if LANES == 16
#include "avx512.h"
#else
#include "avx2.h"
#endif

/** Magnitudes as integers: without their signs floats are ordered so, and what is no number stays the largest. */
INLINE Wholes magnitude(Floats x) { return w_and(f_bits(x), w_all(0x7fffffff)); }

/** Largest of them. */
INLINE float largest(Wholes magnitudes) {
  union { int bits; float value; } most = { w_most(magnitudes) };
  return most.value;
}

/** Largest magnitude of `count` numbers, a multiple of LANES; no number when one of them is none. */
INLINE float peak(const float *x, int count) {
  Wholes top = magnitude(f_load(x));
  for (int i = LANES; i < count; i += LANES) top = w_max(top, magnitude(f_load(x + i)));
  return largest(top);
}

/** What numbers up to `top` are multiplied by before they are rounded to eight bits with sign; `scale` undoes it, and is no number where one of them is none. */
INLINE Floats rate_of(float top, float *scale) {
  *scale = top / 127;
  return f_all(top == 0 ? 0 : 127 / top);
}

INLINE Wholes rounded(const float *x, Floats rate) { return w_nearest(f_mul(f_load(x), rate)); }

/** RMSNorm of `count` numbers, a multiple of LANES, to `out`, which may be where they are. */
INLINE void rms_norm(const float *x, int count, float epsilon, const float *weight, float *out) {
  Floats sum = f_all(0);
  for (int i = 0; i < count; i += LANES) sum = f_fma(f_load(x + i), f_load(x + i), sum);
  Floats rate = f_all(1 / sqrtf(f_sum(sum) / count + epsilon));
  for (int i = 0; i < count; i += LANES) f_store(out + i, f_mul(f_mul(f_load(x + i), rate), f_load(weight + i)));
}

/** e^x between e^-87 and e^87, to a few units in the last place. */
INLINE Floats exponential(Floats x) {
  Floats bounded = f_max(f_all(-87), f_min(f_all(87), x));
  Floats t = f_mul(bounded, f_all(1.4426950408889634f));
  Floats n = f_nearest(t);
  Floats f = f_sub(t, n);
  Floats p = f_fma(f_all(0.0013333558f), f, f_all(0.0096181291f));
  p = f_fma(p, f, f_all(0.0555041087f));
  p = f_fma(p, f, f_all(0.2402265070f));
  p = f_fma(p, f, f_all(0.6931471806f));
  p = f_fma(p, f, f_all(1));
  return f_times_power(p, n);
}
