#pragma once
#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

/** Magnitudes as integers: without their signs floats are ordered so, and what is no number stays the largest. */
INLINE __m512i magnitude(__m512 x) { return _mm512_and_si512(_mm512_castps_si512(x), _mm512_set1_epi32(0x7fffffff)); }

/** Largest of them. */
INLINE float largest(__m512i magnitudes) {
  union { int bits; float value; } most = { _mm512_reduce_max_epi32(magnitudes) };
  return most.value;
}

/** Largest magnitude of `count` numbers, a multiple of 16; no number when one of them is none. */
INLINE float peak(const float *x, int count) {
  __m512i top = magnitude(_mm512_loadu_ps(x));
  for (int i = 16; i < count; i += 16) top = _mm512_max_epi32(top, magnitude(_mm512_loadu_ps(x + i)));
  return largest(top);
}

/** RMSNorm of `count` numbers, a multiple of 16, to `out`, which may be where they are. */
INLINE void rms_norm(const float *x, int count, float epsilon, const float *weight, float *out) {
  __m512 sum = _mm512_setzero_ps();
  for (int i = 0; i < count; i += 16) sum = _mm512_fmadd_ps(_mm512_loadu_ps(x + i), _mm512_loadu_ps(x + i), sum);
  __m512 rate = _mm512_set1_ps(1 / sqrtf(_mm512_reduce_add_ps(sum) / count + epsilon));
  for (int i = 0; i < count; i += 16)
    _mm512_storeu_ps(out + i, _mm512_mul_ps(_mm512_mul_ps(_mm512_loadu_ps(x + i), rate), _mm512_loadu_ps(weight + i)));
}

/** The first `count` lanes, or all. */
INLINE __mmask16 first_lanes(int count) { return count >= 16 ? 0xffff : (1u << count) - 1; }

/** Four bytes, in all lanes. */
INLINE __m512i four(const void *p) {
  int32_t bits;
  memcpy(&bits, p, 4);
  return _mm512_set1_epi32(bits);
}

/** sum += bytes without sign × four bytes with sign at `p`, in all lanes. Compilers load those into a register first. */
#define ADD_PRODUCTS(sum, bytes, p) \
  __asm__("vpdpbusd %2%{1to16%}, %1, %0" : "+v"(sum) : "v"(bytes), "m"(*(const int32_t *)(p)))

/** e^x between e^-87 and e^87, to a few units in the last place. */
INLINE __m512 exponential(__m512 x) {
  __m512 bounded = _mm512_max_ps(_mm512_set1_ps(-87), _mm512_min_ps(_mm512_set1_ps(87), x));
  __m512 t = _mm512_mul_ps(bounded, _mm512_set1_ps(1.4426950408889634f));
  __m512 n = _mm512_roundscale_ps(t, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  __m512 f = _mm512_sub_ps(t, n);
  __m512 p = _mm512_fmadd_ps(_mm512_set1_ps(0.0013333558f), f, _mm512_set1_ps(0.0096181291f));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.0555041087f));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.2402265070f));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.6931471806f));
  p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(1));
  return _mm512_scalef_ps(p, n);
}
