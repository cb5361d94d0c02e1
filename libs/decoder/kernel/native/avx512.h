// Vectors of 512 bits, with VNNI.
#pragma once

typedef __m512 Floats;
typedef __m512i Wholes;
typedef __mmask16 Lanes;

/** Largest number of a query of eight bits. */
#define QUERY_PEAK 127
/** Largest attention weight. */
#define WEIGHT_PEAK 65535
/** Vectors of values that are summed side by side. */
#define GATHERED 4
/** Queries that share a page's keys while they are in registers. */
#define BESIDE 8
/** Tokens whose sums are in registers while the adapter's second factor is read. */
#define FINISHED 16
/** Whether registers hold the sums of a tile of tokens. */
#define HOLDS_TILE 1

INLINE Floats f_load(const float *p) { return _mm512_loadu_ps(p); }
INLINE void f_store(float *p, Floats x) { _mm512_storeu_ps(p, x); }
INLINE Floats f_all(float x) { return _mm512_set1_ps(x); }
INLINE Floats f_add(Floats a, Floats b) { return _mm512_add_ps(a, b); }
INLINE Floats f_sub(Floats a, Floats b) { return _mm512_sub_ps(a, b); }
INLINE Floats f_mul(Floats a, Floats b) { return _mm512_mul_ps(a, b); }
INLINE Floats f_div(Floats a, Floats b) { return _mm512_div_ps(a, b); }
INLINE Floats f_fma(Floats a, Floats b, Floats c) { return _mm512_fmadd_ps(a, b, c); }
/** Where one is no number, the second. */
INLINE Floats f_max(Floats a, Floats b) { return _mm512_max_ps(a, b); }
INLINE Floats f_min(Floats a, Floats b) { return _mm512_min_ps(a, b); }
INLINE float f_sum(Floats x) { return _mm512_reduce_add_ps(x); }
INLINE float f_most(Floats x) { return _mm512_reduce_max_ps(x); }
INLINE float f_first(Floats x) { return _mm512_cvtss_f32(x); }
INLINE Floats f_nearest(Floats x) { return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
/** x · 2^n */
INLINE Floats f_times_power(Floats x, Floats n) { return _mm512_scalef_ps(x, n); }
INLINE Wholes f_bits(Floats x) { return _mm512_castps_si512(x); }
INLINE Floats f_of(Wholes x) { return _mm512_cvtepi32_ps(x); }
/** LANES numbers in half precision. */
INLINE Floats f_halves(const void *p) { return _mm512_cvtph_ps(_mm256_loadu_si256(p)); }

/** The first `count` lanes, one at least, or all. */
INLINE Lanes first_lanes(int count) { return count >= LANES ? 0xffff : (1u << count) - 1; }
/** `a` in these lanes, `b` in the others. */
INLINE Floats f_choose(Lanes lanes, Floats a, Floats b) { return _mm512_mask_mov_ps(b, lanes, a); }
INLINE Lanes f_more(Floats a, Floats b) { return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ); }
INLINE void f_store_some(float *p, Lanes lanes, Floats x) { _mm512_mask_storeu_ps(p, lanes, x); }

INLINE Wholes w_load(const void *p) { return _mm512_loadu_si512(p); }
INLINE Wholes w_all(int x) { return _mm512_set1_epi32(x); }
INLINE Wholes w_add(Wholes a, Wholes b) { return _mm512_add_epi32(a, b); }
INLINE Wholes w_sub(Wholes a, Wholes b) { return _mm512_sub_epi32(a, b); }
INLINE Wholes w_and(Wholes a, Wholes b) { return _mm512_and_si512(a, b); }
INLINE Wholes w_max(Wholes a, Wholes b) { return _mm512_max_epi32(a, b); }
#define w_left(x, bits) _mm512_slli_epi32(x, bits)
/** With sign. */
#define w_right(x, bits) _mm512_srai_epi32(x, bits)
INLINE int w_sum(Wholes x) { return _mm512_reduce_add_epi32(x); }
INLINE int w_most(Wholes x) { return _mm512_reduce_max_epi32(x); }
INLINE Wholes w_nearest(Floats x) { return _mm512_cvtps_epi32(x); }
INLINE Wholes w_choose(Lanes lanes, Wholes a, Wholes b) { return _mm512_mask_mov_epi32(b, lanes, a); }
INLINE void w_store(void *p, Wholes x) { _mm512_storeu_si512(p, x); }
/** Numbers that fit into a byte, with or without sign. */
INLINE __m128i w_bytes(Wholes x) { return _mm512_cvtepi32_epi8(x); }
INLINE void w_store_bytes(void *p, Wholes x) { _mm_storeu_si128(p, w_bytes(x)); }
/** Four bytes, in all lanes. */
INLINE Wholes w_four(const void *p) {
  int32_t bits;
  memcpy(&bits, p, 4);
  return _mm512_set1_epi32(bits);
}
/** sum + four bytes without sign × four bytes with sign, in each lane. */
INLINE Wholes w_dot(Wholes sum, Wholes bytes, Wholes by) { return _mm512_dpbusd_epi32(sum, bytes, by); }
/** The same with the four bytes at `p` in all lanes. Compilers load those into a register first. */
INLINE Wholes w_dot_four(Wholes sum, Wholes bytes, const void *p) {
  __asm__("vpdpbusd %2%{1to16%}, %1, %0" : "+v"(sum) : "v"(bytes), "m"(*(const int32_t *)p));
  return sum;
}

/** Four bytes in each lane, as they are multiplied. */
typedef Wholes Fours;

INLINE Fours unsigned_fours(Wholes bytes) { return bytes; }
INLINE Fours signed_fours(Wholes bytes) { return bytes; }

/** Sums of products with numbers of 16 bits: with their upper eight bits, and with the lower. */
typedef struct {
  Wholes first, second;
} Dot;

INLINE Dot no_dot(void) { return (Dot){ w_all(0), w_all(0) }; }
INLINE Wholes total(Dot dot) { return w_add(w_left(dot.first, 8), dot.second); }

/** Number `i` of such numbers, of which the lower eight bits lie `apart` bytes behind the upper. */
#define number_at(numbers, i) ((numbers) + (i))
/** LANES of them, whose lower eight bits get a sign, too. */
INLINE void store_numbers(int8_t *to, int apart, Wholes n) {
  Wholes upper = w_right(w_add(n, w_all(128)), 8);
  w_store_bytes(to, upper);
  w_store_bytes(to + apart, w_sub(n, w_left(upper, 8)));
}
/** The same of numbers without sign, for bytes with it. */
INLINE void store_positive(int8_t *to, int apart, Wholes n) {
  w_store_bytes(to, w_right(n, 8));
  w_store_bytes(to + apart, n);
}

/** sum + four bytes without sign × four numbers. */
INLINE Dot keys_dot(Dot sum, Fours keys, const int8_t *numbers, int apart) {
  return (Dot){ w_dot_four(sum.first, keys, numbers), w_dot_four(sum.second, keys, numbers + apart) };
}
/** sum + four bytes with sign × four numbers without. */
INLINE Dot values_dot(Dot sum, Fours values, const int8_t *numbers, int apart) {
  return (Dot){ w_dot(sum.first, w_four(numbers), values), w_dot(sum.second, w_four(numbers + apart), values) };
}

/** A block of LANES rows by `tokens` tokens: sum += W · n. */
INLINE void add_block(const uint8_t *w, int bits, const int8_t *x, const float *scales, const float *sums, Floats *sum, const int parts, const int tokens) {
  Floats scale = f_halves(w), least;
  Wholes n[8];
  if (bits == 4) {
    least = f_halves(w + 2 * LANES);
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
      Wholes both = w_load(w + 4 * LANES + j * 64), mask = _mm512_set1_epi8(15);
      n[j] = w_and(both, mask);
      n[j + 4] = w_and(_mm512_srli_epi16(both, 4), mask);
    }
  } else {
    least = f_mul(scale, f_all(-128));
#pragma GCC unroll 8
    for (int j = 0; j < 8; j++) n[j] = w_load(w + 2 * LANES + j * 64);
  }
  // Two tokens, each in two parts, or four in one: four sums that do not wait for each other.
  const int together = 4 / parts;
#pragma GCC unroll 16
  for (int t = 0; t < tokens; t += together) {
    const int some = tokens - t < together ? tokens - t : together;
    Wholes first[4], second[2];
#pragma GCC unroll 4
    for (int i = 0; i < some; i++) first[i] = w_all(0);
#pragma GCC unroll 2
    for (int i = 0; parts == 2 && i < some; i++) second[i] = w_all(0);
#pragma GCC unroll 8
    for (int j = 0; j < 8; j++)
#pragma GCC unroll 4
      for (int i = 0; i < some; i++) {
        const int8_t *at = x + (t + i) * parts * BLOCK + j * 4;
        first[i] = w_dot_four(first[i], n[j], at);
        if (parts == 2) second[i] = w_dot_four(second[i], n[j], at + BLOCK);
      }
#pragma GCC unroll 4
    for (int i = 0; i < some; i++) {
      Wholes dot = parts == 2 ? w_add(w_left(first[i], 8), second[i]) : first[i];
      Floats by = parts == 2 ? scale : f_mul(scale, f_all(scales[t + i]));
      sum[t + i] = f_fma(f_of(dot), by, sum[t + i]);
      sum[t + i] = f_fma(least, f_all(sums[t + i]), sum[t + i]);
    }
  }
}
