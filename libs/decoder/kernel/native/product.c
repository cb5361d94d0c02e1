#include "vectors.h"

/** Bytes before they are needed that weights are asked for: memory answers while the blocks before are multiplied. */
#define AHEAD 5120

int tile_length(int tokens) {
  int tiles = (tokens + TILE - 1) / TILE;
  return (tokens + tiles - 1) / tiles;
}

/** Where the tile of a token begins, and how many tokens it has. */
static void tile_of(int tokens, int token, int *start, int *count) {
  int each = tile_length(tokens);
  *start = token / each * each;
  *count = tokens - *start < each ? tokens - *start : each;
}

/** LANES of a block as numbers of 16 bits; returns them. */
INLINE Wholes split(const float *x, Floats rate, int8_t *to) {
  Wholes n = rounded(x, rate);
  store_numbers(to, BLOCK, n);
  return n;
}

/** LANES of a block in eight bits; returns them. */
INLINE Wholes round_part(const float *x, Floats rate, int8_t *to) {
  Wholes n = rounded(x, rate);
  w_store_bytes(to, n);
  return n;
}

void enter(Entering *entering, int token, const float *x) {
  int start, count, blocks = entering->blocks;
  tile_of(entering->tokens, token, &start, &count);
  size_t at = (size_t)start * blocks + (token - start);
  if (entering->parts == 2) {
    float most = peak(x, blocks * BLOCK);
    Floats rate = f_all(most == 0 ? 0 : WHOLE / most);
    entering->scales[token] = most / WHOLE;
    for (int b = 0; b < blocks; b++, x += BLOCK, at += count) {
      int8_t *numbers = entering->numbers + at * 2 * BLOCK;
      Wholes sum = w_all(0);
      for (int i = 0; i < BLOCK; i += LANES) sum = w_add(sum, split(x + i, rate, number_at(numbers, i)));
      entering->sums[at] = w_sum(sum);
    }
    return;
  }
  entering->scales[token] = 1;
  for (int b = 0; b < blocks; b++, x += BLOCK, at += count) {
    float *scale = entering->block_scales + at;
    Floats rate = rate_of(peak(x, BLOCK), scale);
    Wholes sum = w_all(0);
    for (int i = 0; i < BLOCK; i += LANES) sum = w_add(sum, round_part(x + i, rate, entering->numbers + at * BLOCK + i));
    entering->sums[at] = *scale * w_sum(sum);
  }
}

/** Where what entered of a block and token begins. */
typedef struct {
  const int8_t *numbers;
  const float *scales, *sums;
} Entered;

static Entered entered_at(const Entering *entering, size_t at) {
  return (Entered){ entering->numbers + at * entering->parts * BLOCK, entering->block_scales + at, entering->sums + at };
}

/**
 * LANES rows by `tokens` tokens: out += W · n. Numbers of a block lie `step` tokens apart from those of the next.
 * `tokens`, `parts` and `bits` are known where this is compiled, so that all sums stay in registers where there are enough.
 */
INLINE void tile(const uint8_t *w, int blocks, int bits, Entered x, size_t step, Floats *out, const int parts, const int tokens) {
  const int bytes = bits == 4 ? FOUR_BYTES : EIGHT_BYTES;
  Floats own[TILE], *sum = HOLDS_TILE ? own : out;
#pragma GCC unroll 16
  for (int t = 0; HOLDS_TILE && t < tokens; t++) sum[t] = out[t];
  for (int b = 0; b < blocks; b++) {
#pragma GCC unroll 9
    for (int i = 0; i < bytes; i += 64) _mm_prefetch(w + AHEAD + i, _MM_HINT_T0);
    add_block(w, bits, x.numbers, x.scales, x.sums, sum, parts, tokens);
    w += bytes;
    x.numbers += step * parts * BLOCK;
    x.scales += step;
    x.sums += step;
  }
#pragma GCC unroll 16
  for (int t = 0; HOLDS_TILE && t < tokens; t++) out[t] = sum[t];
}

/** The same, times the tokens' scales, with the adapter's second factor: [rank, LANES] by [tokens, LOW_STRIDE]. */
INLINE void finish(const uint16_t *low_out, int rank, const float *low, const float *scales, Floats bias, Floats *out, const int tokens) {
  Floats sum[FINISHED];
#pragma GCC unroll 16
  for (int t = 0; t < tokens; t++) sum[t] = f_fma(out[t], f_all(scales[t]), bias);
  for (int r = 0; r < rank; r++) {
    Floats b = f_halves(low_out + r * LANES);
#pragma GCC unroll 16
    for (int t = 0; t < tokens; t++) sum[t] = f_fma(b, f_all(low[t * LOW_STRIDE + r]), sum[t]);
  }
#pragma GCC unroll 16
  for (int t = 0; t < tokens; t++) out[t] = sum[t];
}

#define EACH_COUNT(CASE) \
  CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8) CASE(9) CASE(10) CASE(11) CASE(12) CASE(13) CASE(14) CASE(15) CASE(16)

/** A tile of each number of tokens, as a function of its own for each kind of weights and of what enters. */
#define TILES(name, bits, parts) \
  static void name(const uint8_t *w, int blocks, Entered x, size_t step, Floats *out, int tokens) { \
    switch (tokens) { EACH_COUNT(ONE_##bits##_##parts) } \
  }
#define ONE_4_2(count) case count: tile(w, blocks, 4, x, step, out, 2, count); break;
#define ONE_8_2(count) case count: tile(w, blocks, 8, x, step, out, 2, count); break;
#define ONE_4_1(count) case count: tile(w, blocks, 4, x, step, out, 1, count); break;
#define ONE_8_1(count) case count: tile(w, blocks, 8, x, step, out, 1, count); break;
TILES(four_by_two, 4, 2)
TILES(eight_by_two, 8, 2)
TILES(four_by_one, 4, 1)
TILES(eight_by_one, 8, 1)

#define FINISH(count) case count: finish(low_out, rank, low, scales, bias, out, count < FINISHED ? count : FINISHED); break;
static void finish_tile(const uint16_t *low_out, int rank, const float *low, const float *scales, Floats bias, Floats *out, int tokens) {
  for (int count; tokens > 0; tokens -= count, low += count * LOW_STRIDE, scales += count, out += count) {
    count = tokens < FINISHED ? tokens : FINISHED;
    switch (count) { EACH_COUNT(FINISH) }
  }
}

void multiply(const Part *part, int from, int to, const Entering *entering, const float *low, float *out, size_t stride) {
  int blocks = part->blocks, four_bits = part->bits == 4;
  size_t bytes = (size_t)blocks * (four_bits ? FOUR_BYTES : EIGHT_BYTES);
  void (*run)(const uint8_t *, int, Entered, size_t, Floats *, int) =
    entering->parts == 2 ? (four_bits ? four_by_two : eight_by_two) : (four_bits ? four_by_one : eight_by_one);
  // What entered is larger than the weights of a group, and stays in the cache for all of them.
  for (int start = 0, count; start < entering->tokens; start += count) {
    tile_of(entering->tokens, start, &start, &count);
    Entered x = entered_at(entering, (size_t)start * blocks);
    for (int group = from; group < to; group++) {
      Lanes rows = first_lanes(part->rows - group * LANES);
      Floats bias = part->bias ? f_load(part->bias + group * LANES) : f_all(0);
      Floats sum[TILE];
      for (int t = 0; t < count; t++) sum[t] = f_all(0);
      run(part->weights + group * bytes, blocks, x, count, sum, count);
      finish_tile(part->low_out + (size_t)group * part->rank * LANES, part->rank, low + (size_t)start * LOW_STRIDE, entering->scales + start, bias, sum, count);
      for (int t = 0; t < count; t++) f_store_some(out + (start + t) * stride + group * LANES, rows, sum[t]);
    }
  }
}

void lower(const Part *part, const Entering *entering, int token, int count, float *low) {
  int start, step, blocks = part->blocks;
  tile_of(entering->tokens, token, &start, &step);
  Entered x = entered_at(entering, (size_t)start * blocks + (token - start));
  if (count > step) count = step;
  for (int group = 0; group < part->rank / LANES; group++) {
    Floats sum[TILE];
    for (int t = 0; t < count; t++) sum[t] = f_all(0);
    const uint8_t *w = part->low_in + (size_t)group * blocks * EIGHT_BYTES;
    (entering->parts == 2 ? eight_by_two : eight_by_one)(w, blocks, x, step, sum, count);
    for (int t = 0; t < count; t++) f_store(low + (size_t)t * LOW_STRIDE + group * LANES, f_mul(sum[t], f_all(entering->scales[token + t])));
  }
}
