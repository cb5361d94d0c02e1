// Vectors of 256 bits. Products of bytes are sums of two in 16 bits, which must not pass 32767; where numbers of 16 bits enter, bytes become such numbers, too,
// and their products are sums of two in 32 bits.
#pragma once

typedef __m256 Floats;
typedef __m256i Wholes;
typedef __m256i Lanes;

/** Largest number of a query of eight bits: keys are up to 255. */
#define QUERY_PEAK 63
/** Largest attention weight. */
#define WEIGHT_PEAK 32767
/** Vectors of values that are summed side by side. */
#define GATHERED 2
/** Queries that share a page's keys while they are in registers. */
#define BESIDE 3
/** Tokens whose sums are in registers while the adapter's second factor is read. */
#define FINISHED 8
/** Whether registers hold the sums of a tile of tokens. */
#define HOLDS_TILE 0

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

/** Four bytes in each lane as numbers of 16 bits: the first and third, the second and fourth. */
typedef struct {
  Wholes even, odd;
} Fours;

INLINE Fours unsigned_fours(Wholes bytes) { return (Fours){ w_and(bytes, _mm256_set1_epi16(255)), _mm256_srli_epi16(bytes, 8) }; }
INLINE Fours signed_fours(Wholes bytes) { return (Fours){ _mm256_srai_epi16(_mm256_slli_epi16(bytes, 8), 8), _mm256_srai_epi16(bytes, 8) }; }

/** Sums of products with numbers of 16 bits. */
typedef Wholes Dot;

INLINE Dot no_dot(void) { return w_all(0); }
INLINE Wholes total(Dot dot) { return dot; }

/** Number `i` of such numbers, a multiple of four, which lie as `Fours` do: first, third, second, fourth. They are in one part. */
#define number_at(numbers, i) ((numbers) + 2 * (i))
/** LANES of them. */
INLINE void store_numbers(int8_t *to, int apart, Wholes n) {
  (void)apart;
  Wholes ordered = _mm256_shuffle_epi32(n, _MM_SHUFFLE(3, 1, 2, 0));
  _mm_storeu_si128((__m128i *)to, _mm_packs_epi32(_mm256_castsi256_si128(ordered), _mm256_extracti128_si256(ordered, 1)));
}
INLINE void store_positive(int8_t *to, int apart, Wholes n) { store_numbers(to, apart, n); }

/** sum + two numbers of 16 bits in each lane × the two at `by`. As one, since compilers load everything first, for which there are too few registers. */
INLINE Wholes add_pair(Wholes sum, Wholes pair, const void *by) {
  Wholes product;
  __asm__("vpbroadcastd %2, %1\n\tvpmaddwd %1, %3, %1\n\tvpaddd %1, %0, %0" : "+x"(sum), "=&x"(product) : "m"(*(const int32_t *)by), "x"(pair));
  return sum;
}

/** sum + four bytes × four numbers. */
INLINE Dot keys_dot(Dot sum, Fours keys, const int8_t *numbers, int apart) {
  (void)apart;
  return add_pair(add_pair(sum, keys.even, numbers), keys.odd, numbers + 4);
}
INLINE Dot values_dot(Dot sum, Fours values, const int8_t *numbers, int apart) { return keys_dot(sum, values, numbers, apart); }

/** What reads `from` below is computed after the sums above. */
#define IN_ORDER(from, sums, count) for (int o = 0; o < count; o++) __asm__("" : "+r"(from), "+x"(sums[o]));
/** Tokens whose sums are in registers: of numbers of 16 bits, of eight. */
#define WIDE 8
#define NARROW 4

/** LANES rows of a block by some tokens, whose numbers have 16 bits. Weights of eight bits stay 128 more than they are. */
INLINE void add_wide(const uint8_t *w, int bits, const int8_t *x, const float *sums, Floats *sum, const int tokens) {
  const int vectors = bits == 4 ? 4 : 8;
  const Wholes mask = _mm256_set1_epi16(bits == 4 ? 15 : 255);
  const uint8_t *from = w + (bits == 4 ? 4 : 2) * LANES;
  Wholes dot[WIDE];
#pragma GCC unroll 8
  for (int t = 0; t < tokens; t++) dot[t] = w_all(0);
#pragma GCC unroll 8
  for (int v = 0; v < vectors; v++) {
    Wholes bytes = w_load(from + v * 4 * LANES), n[4] = { w_and(bytes, mask), _mm256_srli_epi16(bytes, 8) };
    if (bits == 4) {
      // The upper halves of bytes are half a block further.
      n[1] = w_and(n[1], mask);
      n[2] = w_and(_mm256_srli_epi16(bytes, 4), mask);
      n[3] = _mm256_srli_epi16(bytes, 12);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 16 / vectors; i++) {
      const int column = 4 * v + 2 * (i % 2) + i / 2 * (BLOCK / 2);
#pragma GCC unroll 8
      for (int t = 0; t < tokens; t++) dot[t] = add_pair(dot[t], n[i], number_at(x, t * BLOCK + column));
    }
#pragma GCC unroll 8
    IN_ORDER(from, dot, tokens)
  }
  Floats scale = f_halves(w), least = bits == 4 ? f_halves(w + 2 * LANES) : f_mul(scale, f_all(-128));
#pragma GCC unroll 8
  for (int t = 0; t < tokens; t++) sum[t] = f_fma(f_of(dot[t]), scale, f_fma(least, f_all(sums[t]), sum[t]));
}

/** sum += scale · scales · (n · x) + least · sums, for n of four bits, of which 32 products stay within 16 bits, and x of eight. */
INLINE void add_narrow(const Wholes *n, Floats scale, Floats least, const int8_t *x, const float *scales, const float *sums, Floats *sum, const int tokens) {
  Wholes dot[NARROW];
#pragma GCC unroll 8
  for (int j = 0; j < 8; j++) {
#pragma GCC unroll 4
    for (int t = 0; t < tokens; t++) {
      Wholes product = _mm256_maddubs_epi16(n[j], w_four(x + t * BLOCK + j * 4));
      dot[t] = j ? _mm256_add_epi16(dot[t], product) : product;
    }
#pragma GCC unroll 4
    IN_ORDER(x, dot, tokens)
  }
#pragma GCC unroll 4
  for (int t = 0; t < tokens; t++) {
    Floats whole = f_of(_mm256_madd_epi16(dot[t], _mm256_set1_epi16(1)));
    sum[t] = f_fma(whole, f_mul(scale, f_all(scales[t])), f_fma(least, f_all(sums[t]), sum[t]));
  }
}

/** A block of LANES rows by `tokens` tokens: sum += W · n. */
INLINE void add_block(const uint8_t *w, int bits, const int8_t *x, const float *scales, const float *sums, Floats *sum, const int parts, const int tokens) {
  const int most = parts == 2 ? WIDE : NARROW, tiles = (tokens + most - 1) / most, each = (tokens + tiles - 1) / tiles;
  if (parts == 2) {
    int t = 0;
#pragma GCC unroll 1
    for (; t + each <= tokens; t += each) add_wide(w, bits, number_at(x, t * BLOCK), sums + t, sum + t, each);
    if (tokens % each) add_wide(w, bits, number_at(x, t * BLOCK), sums + t, sum + t, tokens % each);
    return;
  }
  // Eight bits are 16 times their upper four and the lower four.
  Floats scale = f_halves(w), least = bits == 4 ? f_halves(w + 2 * LANES) : f_mul(scale, f_all(-128));
  const Wholes mask = _mm256_set1_epi8(15);
  const int halves = bits == 4 ? 1 : 2, vectors = bits == 4 ? 4 : 8;
  const uint8_t *bytes = w + (bits == 4 ? 4 : 2) * LANES;
  Wholes n[8];
#pragma GCC unroll 2
  for (int half = 0; half < halves; half++) {
#pragma GCC unroll 8
    for (int j = 0; j < vectors; j++) {
      Wholes both = w_load(bytes + j * 4 * LANES), upper = w_and(_mm256_srli_epi16(both, 4), mask);
      if (bits == 4) n[j + 4] = upper;
      n[j] = half ? upper : w_and(both, mask);
    }
    Floats by = half ? f_mul(scale, f_all(16)) : scale, from = half ? f_all(0) : least;
    int t = 0;
#pragma GCC unroll 1
    for (; t + each <= tokens; t += each) add_narrow(n, by, from, x + t * BLOCK, scales + t, sums + t, sum + t, each);
    if (tokens % each) add_narrow(n, by, from, x + t * BLOCK, scales + t, sums + t, sum + t, tokens % each);
  }
}
