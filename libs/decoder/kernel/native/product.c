#include "vectors.h"
#include "kernel.h"

/** Bytes before they are needed that weights are asked for: memory answers while the blocks before are multiplied. */
#define AHEAD 5120

/** Where the tile of a token begins, and how many tokens it has: they are spread evenly. */
static void tile_of(int tokens, int token, int *start, int *count) {
  int tiles = (tokens + TILE - 1) / TILE;
  int each = (tokens + tiles - 1) / tiles;
  *start = token / each * each;
  *count = tokens - *start < each ? tokens - *start : each;
}

/** Half of a block: 16 whole numbers n as 256 · first + second; returns them. */
INLINE __m512i split(const float *x, __m512 rate, int8_t *first, int8_t *second) {
  __m512i n = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(x), rate));
  __m512i high = _mm512_srai_epi32(_mm512_add_epi32(n, _mm512_set1_epi32(128)), 8);
  _mm_storeu_si128((__m128i *)first, _mm512_cvtepi32_epi8(high));
  _mm_storeu_si128((__m128i *)second, _mm512_cvtepi32_epi8(_mm512_sub_epi32(n, _mm512_slli_epi32(high, 8))));
  return n;
}

void enter(Entering *entering, int token, const float *x) {
  int start, count, blocks = entering->blocks;
  tile_of(entering->tokens, token, &start, &count);
  __m512i top = _mm512_setzero_si512();
  for (int i = 0; i < blocks * BLOCK; i += 16) top = _mm512_max_epi32(top, magnitude(_mm512_loadu_ps(x + i)));
  float most = largest(top);
  entering->scales[token] = most / WHOLE;
  __m512 rate = _mm512_set1_ps(most == 0 ? 0 : WHOLE / most);
  size_t at = (size_t)start * blocks + (token - start);
  for (int b = 0; b < blocks; b++, x += BLOCK, at += count) {
    int8_t *to = entering->numbers + at * 2 * BLOCK;
    __m512i n = _mm512_add_epi32(split(x, rate, to, to + BLOCK), split(x + 16, rate, to + 16, to + BLOCK + 16));
    entering->sums[at] = _mm512_reduce_add_epi32(n);
  }
}

INLINE __m512 halves(const uint8_t *p) { return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p)); }

/**
 * LANES rows by `tokens` tokens: out += W · n. Numbers of a block lie `step` tokens apart from those of the next.
 * `tokens` and `bits` are known where this is compiled, so that all sums stay in registers.
 */
INLINE void tile(const uint8_t *w, int blocks, int bits, const int8_t *x, const float *sums, size_t step, __m512 *out, const int tokens) {
  __m512 sum[TILE];
#pragma GCC unroll 16
  for (int t = 0; t < tokens; t++) sum[t] = out[t];
  const __m512i mask = _mm512_set1_epi8(15);
  for (int b = 0; b < blocks; b++) {
    __m512 scale = halves(w), least;
    __m512i n[8];
    if (bits == 4) {
      least = halves(w + 2 * LANES);
#pragma GCC unroll 4
      for (int j = 0; j < 4; j++) {
        __m512i both = _mm512_loadu_si512(w + 4 * LANES + j * 64);
        n[j] = _mm512_and_si512(both, mask);
        n[j + 4] = _mm512_and_si512(_mm512_srli_epi16(both, 4), mask);
      }
#pragma GCC unroll 5
      for (int i = 0; i < FOUR_BYTES; i += 64) _mm_prefetch(w + AHEAD + i, _MM_HINT_T0);
      w += FOUR_BYTES;
    } else {
      least = _mm512_mul_ps(scale, _mm512_set1_ps(-128));
#pragma GCC unroll 8
      for (int j = 0; j < 8; j++) n[j] = _mm512_loadu_si512(w + 2 * LANES + j * 64);
#pragma GCC unroll 9
      for (int i = 0; i < EIGHT_BYTES; i += 64) _mm_prefetch(w + AHEAD + i, _MM_HINT_T0);
      w += EIGHT_BYTES;
    }
    // Two tokens, each in two parts: four sums that do not wait for each other.
#pragma GCC unroll 16
    for (int t = 0; t < tokens; t += 2) {
      const int pair = tokens - t < 2 ? 1 : 2;
      __m512i first[2], second[2];
#pragma GCC unroll 2
      for (int i = 0; i < pair; i++) first[i] = second[i] = _mm512_setzero_si512();
#pragma GCC unroll 8
      for (int j = 0; j < 8; j++)
#pragma GCC unroll 2
        for (int i = 0; i < pair; i++) {
          ADD_PRODUCTS(first[i], n[j], x + (t + i) * 2 * BLOCK + j * 4);
          ADD_PRODUCTS(second[i], n[j], x + (t + i) * 2 * BLOCK + BLOCK + j * 4);
        }
#pragma GCC unroll 2
      for (int i = 0; i < pair; i++) {
        __m512i dot = _mm512_add_epi32(_mm512_slli_epi32(first[i], 8), second[i]);
        sum[t + i] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot), scale, sum[t + i]);
        sum[t + i] = _mm512_fmadd_ps(least, _mm512_set1_ps(sums[t + i]), sum[t + i]);
      }
    }
    x += step * 2 * BLOCK;
    sums += step;
  }
#pragma GCC unroll 16
  for (int t = 0; t < tokens; t++) out[t] = sum[t];
}

/** The same, times the tokens' scales, with the adapter's second factor: [rank, LANES] by [tokens, LOW_STRIDE]. */
INLINE void finish(const uint16_t *low_out, int rank, const float *low, const float *scales, __m512 bias, __m512 *out, const int tokens) {
  __m512 sum[TILE];
#pragma GCC unroll 16
  for (int t = 0; t < tokens; t++) sum[t] = _mm512_fmadd_ps(out[t], _mm512_set1_ps(scales[t]), bias);
  for (int r = 0; r < rank; r++) {
    __m512 b = halves((const uint8_t *)(low_out + r * LANES));
#pragma GCC unroll 16
    for (int t = 0; t < tokens; t++) sum[t] = _mm512_fmadd_ps(b, _mm512_set1_ps(low[t * LOW_STRIDE + r]), sum[t]);
  }
#pragma GCC unroll 16
  for (int t = 0; t < tokens; t++) out[t] = sum[t];
}

#define EACH_COUNT(CASE) \
  CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8) CASE(9) CASE(10) CASE(11) CASE(12) CASE(13) CASE(14) CASE(15) CASE(16)

#define FOUR(count) case count: tile(w, blocks, 4, x, sums, step, out, count); break;
static void tile_of_four(const uint8_t *w, int blocks, const int8_t *x, const float *sums, size_t step, __m512 *out, int tokens) {
  switch (tokens) { EACH_COUNT(FOUR) }
}

#define EIGHT(count) case count: tile(w, blocks, 8, x, sums, step, out, count); break;
static void tile_of_eight(const uint8_t *w, int blocks, const int8_t *x, const float *sums, size_t step, __m512 *out, int tokens) {
  switch (tokens) { EACH_COUNT(EIGHT) }
}

#define FINISH(count) case count: finish(low_out, rank, low, scales, bias, out, count); break;
static void finish_tile(const uint16_t *low_out, int rank, const float *low, const float *scales, __m512 bias, __m512 *out, int tokens) {
  switch (tokens) { EACH_COUNT(FINISH) }
}

void multiply(const Part *part, int from, int to, const Entering *entering, const float *low, float *out, size_t stride) {
  int blocks = part->blocks, four_bits = part->bits == 4;
  size_t bytes = (size_t)blocks * (four_bits ? FOUR_BYTES : EIGHT_BYTES);
  for (int group = from; group < to; group++) {
    const uint8_t *w = part->weights + group * bytes;
    __mmask16 rows = first_lanes(part->rows - group * LANES);
    __m512 bias = part->bias ? _mm512_loadu_ps(part->bias + group * LANES) : _mm512_setzero_ps();
    for (int start = 0, count; start < entering->tokens; start += count) {
      tile_of(entering->tokens, start, &start, &count);
      __m512 sum[TILE];
      for (int t = 0; t < count; t++) sum[t] = _mm512_setzero_ps();
      size_t at = (size_t)start * blocks;
      (four_bits ? tile_of_four : tile_of_eight)(w, blocks, entering->numbers + at * 2 * BLOCK, entering->sums + at, count, sum, count);
      finish_tile(part->low_out + (size_t)group * part->rank * LANES, part->rank, low + (size_t)start * LOW_STRIDE, entering->scales + start, bias, sum, count);
      for (int t = 0; t < count; t++) _mm512_mask_storeu_ps(out + (start + t) * stride + group * LANES, rows, sum[t]);
    }
  }
}

void lower(const Part *part, const Entering *entering, int token, float *low) {
  int start, count, blocks = part->blocks;
  tile_of(entering->tokens, token, &start, &count);
  size_t at = (size_t)start * blocks + (token - start);
  for (int group = 0; group < part->rank / LANES; group++) {
    __m512 sum = _mm512_setzero_ps();
    const uint8_t *w = part->low_in + (size_t)group * blocks * EIGHT_BYTES;
    tile(w, blocks, 8, entering->numbers + at * 2 * BLOCK, entering->sums + at, count, &sum, 1);
    _mm512_storeu_ps(low + group * LANES, _mm512_mul_ps(sum, _mm512_set1_ps(entering->scales[token])));
  }
}
