// Vectors of 256 bits, whose products of bytes are sums of two in 16 bits and must not pass 32767.
#pragma once

typedef __m256 Floats;
typedef __m256i Wholes;
typedef __m256i Lanes;

/** Largest part of a rounded query, whose second part counts 1 / (2 · QUERY_PEAK): keys are up to 255. */
#define QUERY_PEAK 63
/** Bits of each part of an attention weight: values are up to 127. */
#define WEIGHT_BITS 7
/** Vectors of values that are summed side by side. */
#define GATHERED 2
/** Queries that share a page's keys while they are in registers. */
#define BESIDE 3
/** Tokens whose sums are in registers while the adapter's second factor is read. */
#define FINISHED 8

INLINE Floats f_load(const float *p) { return _mm256_loadu_ps(p); }
INLINE void f_store(float *p, Floats x) { _mm256_storeu_ps(p, x); }
INLINE Floats f_all(float x) { return _mm256_set1_ps(x); }
INLINE Floats f_add(Floats a, Floats b) { return _mm256_add_ps(a, b); }
INLINE Floats f_sub(Floats a, Floats b) { return _mm256_sub_ps(a, b); }
INLINE Floats f_mul(Floats a, Floats b) { return _mm256_mul_ps(a, b); }
INLINE Floats f_div(Floats a, Floats b) { return _mm256_div_ps(a, b); }
INLINE Floats f_fma(Floats a, Floats b, Floats c) { return _mm256_fmadd_ps(a, b, c); }
/** Where one is no number, the second. */
INLINE Floats f_max(Floats a, Floats b) { return _mm256_max_ps(a, b); }
INLINE Floats f_min(Floats a, Floats b) { return _mm256_min_ps(a, b); }
INLINE float f_sum(Floats x) {
  __m128 half = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  half = _mm_add_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
}
INLINE float f_most(Floats x) {
  __m128 half = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  half = _mm_max_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_max_ss(half, _mm_movehdup_ps(half)));
}
INLINE float f_first(Floats x) { return _mm256_cvtss_f32(x); }
INLINE Floats f_nearest(Floats x) { return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
/** x · 2^n */
INLINE Floats f_times_power(Floats x, Floats n) {
  __m256i exponent = _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
  return _mm256_mul_ps(x, _mm256_castsi256_ps(exponent));
}
INLINE Wholes f_bits(Floats x) { return _mm256_castps_si256(x); }
INLINE Floats f_of(Wholes x) { return _mm256_cvtepi32_ps(x); }
/** LANES numbers in half precision. */
INLINE Floats f_halves(const void *p) { return _mm256_cvtph_ps(_mm_loadu_si128(p)); }

/** The first `count` lanes, or all. */
INLINE Lanes first_lanes(int count) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
/** `a` in these lanes, `b` in the others. */
INLINE Floats f_choose(Lanes lanes, Floats a, Floats b) { return _mm256_blendv_ps(b, a, _mm256_castsi256_ps(lanes)); }
INLINE Lanes f_more(Floats a, Floats b) { return _mm256_castps_si256(_mm256_cmp_ps(a, b, _CMP_GT_OQ)); }
INLINE void f_store_some(float *p, Lanes lanes, Floats x) { _mm256_maskstore_ps(p, lanes, x); }

INLINE Wholes w_load(const void *p) { return _mm256_loadu_si256(p); }
INLINE Wholes w_all(int x) { return _mm256_set1_epi32(x); }
INLINE Wholes w_add(Wholes a, Wholes b) { return _mm256_add_epi32(a, b); }
INLINE Wholes w_sub(Wholes a, Wholes b) { return _mm256_sub_epi32(a, b); }
INLINE Wholes w_and(Wholes a, Wholes b) { return _mm256_and_si256(a, b); }
INLINE Wholes w_max(Wholes a, Wholes b) { return _mm256_max_epi32(a, b); }
#define w_left(x, bits) _mm256_slli_epi32(x, bits)
/** With sign. */
#define w_right(x, bits) _mm256_srai_epi32(x, bits)
INLINE int w_sum(Wholes x) {
  __m128i half = _mm_add_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
  half = _mm_add_epi32(half, _mm_unpackhi_epi64(half, half));
  return _mm_cvtsi128_si32(_mm_add_epi32(half, _mm_shuffle_epi32(half, 1)));
}
INLINE int w_most(Wholes x) {
  __m128i half = _mm_max_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
  half = _mm_max_epi32(half, _mm_unpackhi_epi64(half, half));
  return _mm_cvtsi128_si32(_mm_max_epi32(half, _mm_shuffle_epi32(half, 1)));
}
INLINE Wholes w_nearest(Floats x) { return _mm256_cvtps_epi32(x); }
INLINE Wholes w_choose(Lanes lanes, Wholes a, Wholes b) { return _mm256_blendv_epi8(b, a, lanes); }
INLINE void w_store(void *p, Wholes x) { _mm256_storeu_si256(p, x); }
/** Numbers that fit into a byte with sign, in the first LANES bytes. */
INLINE __m128i w_bytes(Wholes x) {
  __m128i shorts = _mm_packs_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
  return _mm_packs_epi16(shorts, shorts);
}
INLINE void w_store_bytes(void *p, Wholes x) { _mm_storel_epi64(p, w_bytes(x)); }
/** Four bytes, in all lanes. */
INLINE Wholes w_four(const void *p) {
  int32_t bits;
  memcpy(&bits, p, 4);
  return _mm256_set1_epi32(bits);
}
/** sum + four bytes without sign × four bytes with sign, in each lane. */
INLINE Wholes w_dot(Wholes sum, Wholes bytes, Wholes by) {
  return _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(bytes, by), _mm256_set1_epi16(1)));
}
/** The same with the four bytes at `p` in all lanes. */
INLINE Wholes w_dot_four(Wholes sum, Wholes bytes, const void *p) { return w_dot(sum, bytes, w_four(p)); }

/** sum += scale · (n · x) + least · sums, for n of four bits: 32 products of them stay within 16 bits. In one part, n · x has a scale of its own. */
INLINE void add_fours(const Wholes *n, Floats scale, Floats least, const int8_t *x, const float *scales, const float *sums, Floats *sum, const int parts, const int tokens) {
#pragma GCC unroll 2
  for (int t = 0; t < tokens; t++, x += parts * BLOCK) {
    Wholes first = _mm256_maddubs_epi16(n[0], w_four(x)), second = parts == 2 ? _mm256_maddubs_epi16(n[0], w_four(x + BLOCK)) : w_all(0);
#pragma GCC unroll 7
    for (int j = 1; j < 8; j++) {
      first = _mm256_add_epi16(first, _mm256_maddubs_epi16(n[j], w_four(x + j * 4)));
      if (parts == 2) second = _mm256_add_epi16(second, _mm256_maddubs_epi16(n[j], w_four(x + BLOCK + j * 4)));
      // In this order: compilers make trees of sums, for which there are too few registers.
      __asm__("" : "+x"(first), "+x"(second));
    }
    Wholes dot = _mm256_madd_epi16(first, _mm256_set1_epi16(parts == 2 ? 256 : 1));
    if (parts == 2) dot = w_add(dot, _mm256_madd_epi16(second, _mm256_set1_epi16(1)));
    Floats by = parts == 2 ? scale : f_mul(scale, f_all(scales[t]));
    sum[t] = f_fma(f_of(dot), by, f_fma(least, f_all(sums[t]), sum[t]));
  }
}

/** A block of LANES rows by `tokens` tokens: sum += W · n. Eight bits are 16 times their upper four and the lower four. */
INLINE void add_block(const uint8_t *w, int bits, const int8_t *x, const float *scales, const float *sums, Floats *sum, const int parts, const int tokens) {
  const Wholes mask = _mm256_set1_epi8(15);
  Floats scale = f_halves(w);
  Wholes n[8];
  if (bits == 4) {
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
      Wholes both = w_load(w + 4 * LANES + j * 4 * LANES);
      n[j] = w_and(both, mask);
      n[j + 4] = w_and(_mm256_srli_epi16(both, 4), mask);
    }
    add_fours(n, scale, f_halves(w + 2 * LANES), x, scales, sums, sum, parts, tokens);
  } else {
    const uint8_t *bytes = w + 2 * LANES;
#pragma GCC unroll 8
    for (int j = 0; j < 8; j++) n[j] = w_and(w_load(bytes + j * 4 * LANES), mask);
    add_fours(n, scale, f_mul(scale, f_all(-128)), x, scales, sums, sum, parts, tokens);
#pragma GCC unroll 8
    for (int j = 0; j < 8; j++) n[j] = w_and(_mm256_srli_epi16(w_load(bytes + j * 4 * LANES), 4), mask);
    add_fours(n, f_mul(scale, f_all(16)), f_all(0), x, scales, sums, sum, parts, tokens);
  }
}
