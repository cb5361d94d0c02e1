#include "working-set.h"
#include "vectors.h"

/** Query heads that share keys and values and are computed together. */
#define TOGETHER 3

/** RMSNorm of one head (where the model has one) and rotation of the pairs (i, i + dim / 2), times `factor`. */
static void turn(const Shape *shape, float *x, const float *weight, const float *phases, float factor) {
  int dim = shape->head_dim, half = dim / 2;
  if (weight) rms_norm(x, dim, shape->epsilon, weight, x);
  __m256 by = _mm256_set1_ps(factor);
  for (int d = 0; d < half; d += 8) {
    __m256 a = _mm256_loadu_ps(x + d), b = _mm256_loadu_ps(x + half + d);
    __m256 c = _mm256_loadu_ps(phases + d), s = _mm256_loadu_ps(phases + half + d);
    _mm256_storeu_ps(x + d, _mm256_mul_ps(_mm256_sub_ps(_mm256_mul_ps(a, c), _mm256_mul_ps(b, s)), by));
    _mm256_storeu_ps(x + half + d, _mm256_mul_ps(_mm256_add_ps(_mm256_mul_ps(a, s), _mm256_mul_ps(b, c)), by));
  }
}

/** A query as numbers of 16 bits. */
static void round_query(Kernel *kernel, int t, int head, const float *x) {
  int dim = kernel->shape.head_dim, index = t * kernel->shape.heads + head;
  int8_t *to = kernel->queries + (size_t)index * 2 * dim;
  float most = peak(x, dim);
  Floats rate = f_all(most == 0 ? 0 : WHOLE / most);
  Wholes sum = w_all(0);
  for (int d = 0; d < dim; d += LANES) {
    Wholes n = rounded(x + d, rate);
    store_numbers(number_at(to, d), dim, n);
    sum = w_add(sum, n);
  }
  kernel->query_scales[index] = most / WHOLE;
  kernel->query_sums[index] = 128 * w_sum(sum);
}

void append(Kernel *kernel, int t, int head) {
  const Shape *shape = &kernel->shape;
  const Step *step = kernel->step;
  const Token *token = &step->token[t];
  const Sequence *sequence = &step->sequence[token->sequence];
  int dim = shape->head_dim, layer = kernel->layer_index, group = shape->heads / shape->kv_heads;
  float *product = kernel->product + (size_t)t * kernel->product_stride;
  float *key = product + (size_t)(shape->heads + head) * dim;
  const float *value = product + (size_t)(shape->heads + shape->kv_heads + head) * dim;
  const float *phases = step->phases + (size_t)t * dim;
  // Keys of pages have had their norm.
  turn(shape, key, step->pages.keys ? NULL : kernel->layer->norms[KEY_NORM], phases, 1);
  Head set = head_of(shape, sequence->set, layer, head);
  write_key(dim, set, token->row, key);
  write_value(dim, set, token->row, value);
  set.bias[token->row] = 0;
  const Exact *exact = &step->exact;
  if (exact->keys) {
    size_t at = ((size_t)head * exact->rows + token->row) * dim;
    memcpy(exact->keys[layer] + at, key, dim * sizeof(float));
    memcpy(exact->values[layer] + at, value, dim * sizeof(float));
  }
  float factor = 1 / sqrtf(dim);
  for (int i = head * group; i < (head + 1) * group; i++) {
    float *query = product + (size_t)i * dim;
    turn(shape, query, kernel->layer->norms[QUERY_NORM], phases, factor);
    round_query(kernel, t, i, query);
  }
}

static float *partial_of(const Kernel *kernel, int t, int head, int chunk) {
  const Shape *shape = &kernel->shape;
  return kernel->partials + ((size_t)(t * shape->heads + head) * kernel->chunks + chunk) * (PARTIAL + shape->head_dim);
}

static float *exponentials_of(const Kernel *kernel, int t, int head) {
  return kernel->exponentials + (size_t)(t * kernel->shape.heads + head) * kernel->chunks * CHUNK;
}

static int *folded_of(const Kernel *kernel, int t, int head) { return kernel->folded + t * kernel->shape.kv_heads + head; }

static float exponential_of(float x) { return f_first(exponential(f_all(x))); }

/** Where a chunk's keys, values, and their scales and biases begin. */
typedef struct {
  const uint8_t *keys;
  const int8_t *values;
  const float *key_scales, *value_scales, *bias;
} Chunk;

static Chunk chunk_of(const Kernel *kernel, const Piece *piece) {
  const Step *step = kernel->step;
  Head set = head_of(&kernel->shape, step->sequence[step->token[piece->token].sequence].set, kernel->layer_index, piece->head);
  size_t row = (size_t)piece->chunk * CHUNK, from = row * kernel->shape.head_dim;
  return (Chunk){ set.keys + from, set.values + from, set.key_scales + row, set.value_scales + row, set.bias + row };
}

/** Asks for so many bytes from `from` on. Memory answers some lines at a time, so that they are asked for all along a chunk, not where the chunk before is read. */
INLINE void ask(const void *from, int bytes) {
  for (int i = 0; i < bytes; i += 64) _mm_prefetch((const char *)from + i, _MM_HINT_T1);
}

/** Scores of `count` rows, a multiple of LANES, with `heads` queries: [heads, CHUNK], and the largest of each head's first `rows`. */
INLINE void score(const int dim, Chunk at, Chunk next, int rows, int count, const int8_t *queries, const float *query_scales, const int32_t *sums, float *out, float *highest, const int heads) {
  Floats top[TOGETHER];
#pragma GCC unroll 3
  for (int h = 0; h < heads; h++) top[h] = f_all(LOWEST);
  for (int row = 0; row < count; row += LANES) {
    const uint8_t *keys = at.keys + (size_t)row * dim;
    ask(next.keys + row * dim / 2, LANES * dim / 2);
    ask(next.key_scales + row, 1);
    ask(next.value_scales + row, 1);
    ask(next.bias + row, 1);
    Dot dot[TOGETHER];
#pragma GCC unroll 3
    for (int h = 0; h < heads; h++) dot[h] = no_dot();
    for (int d = 0; d < dim; d += 4) {
      Fours k = unsigned_fours(w_load(keys + d * LANES));
#pragma GCC unroll 3
      for (int h = 0; h < heads; h++) dot[h] = keys_dot(dot[h], k, number_at(queries + 2 * h * dim, d), dim);
    }
    Floats by = f_load(at.key_scales + row), hidden = f_load(at.bias + row);
    Lanes shown = first_lanes(rows - row);
#pragma GCC unroll 3
    for (int h = 0; h < heads; h++) {
      // Keys are 128 more than they are.
      Floats whole = f_of(w_sub(total(dot[h]), w_all(sums[h])));
      Floats scores = f_fma(f_mul(whole, by), f_all(query_scales[h]), hidden);
      f_store(out + h * CHUNK + row, scores);
      top[h] = f_max(top[h], f_choose(shown, scores, top[h]));
    }
  }
#pragma GCC unroll 3
  for (int h = 0; h < heads; h++) highest[h] = f_most(top[h]);
}

/** Scores become weights, numbers of 16 bits [heads, CHUNK], each head's with a scale; `partial` gets the largest score and the sum. */
INLINE void weigh(const int dim, Chunk at, Chunk next, int rows, int count, float *scores, const float *highest, float *partial, size_t stride, float *exponentials, size_t apart, int8_t *weights, float *scales, const int heads) {
  Floats sum[TOGETHER];
  Wholes most[TOGETHER];
#pragma GCC unroll 3
  for (int h = 0; h < heads; h++) {
    sum[h] = f_all(0);
    most[h] = w_all(0);
  }
  for (int row = 0; row < count; row += LANES) {
    ask(next.keys + (CHUNK + row) * dim / 2, LANES * dim / 2);
    ask(next.values + row * dim / 2, LANES * dim / 2);
    Lanes shown = first_lanes(rows - row);
    Floats by = f_load(at.value_scales + row);
#pragma GCC unroll 3
    for (int h = 0; h < heads; h++) {
      Floats e = f_choose(shown, exponential(f_sub(f_load(scores + h * CHUNK + row), f_all(highest[h]))), f_all(0));
      sum[h] = f_add(sum[h], e);
      if (exponentials) f_store(exponentials + h * apart + row, e);
      Floats w = f_choose(shown, f_mul(e, by), f_all(0));
      most[h] = w_max(most[h], magnitude(w));
      f_store(scores + h * CHUNK + row, w);
    }
  }
  Floats rate[TOGETHER];
#pragma GCC unroll 3
  for (int h = 0; h < heads; h++) {
    float peak_weight = largest(most[h]);
    rate[h] = f_all(peak_weight == 0 ? 0 : WEIGHT_PEAK / peak_weight);
    scales[h] = peak_weight / WEIGHT_PEAK;
    partial[h * stride] = highest[h];
    partial[h * stride + 1] = f_sum(sum[h]);
  }
  for (int row = 0; row < count; row += LANES)
#pragma GCC unroll 3
    for (int h = 0; h < heads; h++) {
      Wholes w = w_nearest(f_mul(f_load(scores + h * CHUNK + row), rate[h]));
      store_positive(number_at(weights + h * 2 * CHUNK, row), CHUNK, w);
    }
}

/** Sums of `count` rows of values, LANES · `vectors` dimensions from `values` on, each times its weight, [heads, CHUNK]. */
INLINE void gather(const int dim, const int8_t *values, int count, const int8_t *weights, const float *scales, float *out, size_t stride, const int heads, const int vectors, const int8_t *next) {
  Dot dot[TOGETHER][GATHERED];
#pragma GCC unroll 3
  for (int h = 0; h < heads; h++)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) dot[h][v] = no_dot();
  for (int row = 0; row < count; row += 4, values += 4 * dim) {
    if (next) ask(next + (CHUNK + row) * dim / 2, 2 * dim);
    Fours n[GATHERED];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) n[v] = signed_fours(w_load(values + v * 4 * LANES));
#pragma GCC unroll 3
    for (int h = 0; h < heads; h++)
#pragma GCC unroll 4
      for (int v = 0; v < vectors; v++) dot[h][v] = values_dot(dot[h][v], n[v], number_at(weights + h * 2 * CHUNK, row), CHUNK);
  }
#pragma GCC unroll 3
  for (int h = 0; h < heads; h++)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) f_store(out + h * stride + v * LANES, f_mul(f_of(total(dot[h][v])), f_all(scales[h])));
}

/** What chunks before gave, and what the next one gives: largest score, sum of exponentials, sums of values. */
INLINE void fold(float *state, const float *partial, const int dim) {
  // Where one is no number, so is what comes of it.
  float top = partial[0] <= state[0] ? state[0] : partial[0];
  float before = exponential_of(state[0] - top), here = exponential_of(partial[0] - top);
  state[0] = top;
  state[1] = state[1] * before + partial[1] * here;
  for (int d = PARTIAL; d < PARTIAL + dim; d += LANES) f_store(state + d, f_fma(f_load(state + d), f_all(before), f_mul(f_load(partial + d), f_all(here))));
}

/** One to three query heads that share keys and values. What a chunk gives is folded into what those before it gave, where this thread has seen them all. */
INLINE void attend_some(Kernel *kernel, Chunk at, Chunk next, int t, int head, int chunk, int rows, int folds, float *exponentials, const int heads, const int dim) {
  const Shape *shape = &kernel->shape;
  int count = (rows + LANES - 1) & ~(LANES - 1), index = t * shape->heads + head;
  _Alignas(64) float scores[TOGETHER * CHUNK], own[TOGETHER * (PARTIAL + MOST_DIM)];
  _Alignas(64) int8_t weights[TOGETHER * 2 * CHUNK];
  float scales[TOGETHER], highest[TOGETHER];
  size_t slots = (size_t)kernel->chunks * (PARTIAL + dim), stride = folds ? (size_t)(PARTIAL + dim) : slots;
  float *slot = partial_of(kernel, t, head, chunk), *partial = folds ? own : slot;
  score(dim, at, next, rows, count, kernel->queries + (size_t)index * 2 * dim, kernel->query_scales + index, kernel->query_sums + index, scores, highest, heads);
  weigh(dim, at, next, rows, count, scores, highest, partial, stride, exponentials, (size_t)kernel->chunks * CHUNK, weights, scales, heads);
  int d = 0;
  for (; d + GATHERED * LANES <= dim; d += GATHERED * LANES)
    gather(dim, at.values + (size_t)d * 4, count, weights, scales, partial + PARTIAL + d, stride, heads, GATHERED, d == 0 ? next.values : NULL);
  for (; d < dim; d += LANES) gather(dim, at.values + (size_t)d * 4, count, weights, scales, partial + PARTIAL + d, stride, heads, 1, NULL);
  if (exponentials)
    for (int h = 0; h < heads; h++) slot[h * slots + OWN_TOP] = highest[h];
  if (!folds) return;
  float *state = partial_of(kernel, t, head, 0);
  for (int h = 0; h < heads; h++) fold(state + h * slots, own + h * stride, dim);
}

/** `dim` is known where this is compiled for most heads. */
INLINE void attend_all(Kernel *kernel, const Piece *piece, Chunk at, Chunk next, int folds, const int dim) {
  const Shape *shape = &kernel->shape;
  int t = piece->token, head = piece->head, chunk = piece->chunk;
  const Token *token = &kernel->step->token[t];
  int group = shape->heads / shape->kv_heads, end = (head + 1) * group;
  int rows = token->row + 1 - chunk * CHUNK;
  if (rows > CHUNK) rows = CHUNK;
  for (int i = head * group; i < end;) {
    float *exponentials = reports(kernel) ? exponentials_of(kernel, t, i) + chunk * CHUNK : NULL;
    switch (end - i) {
      case 1: attend_some(kernel, at, next, t, i, chunk, rows, folds, exponentials, 1, dim); i += 1; break;
      case 2: attend_some(kernel, at, next, t, i, chunk, rows, folds, exponentials, 2, dim); i += 2; break;
      default: attend_some(kernel, at, next, t, i, chunk, rows, folds, exponentials, 3, dim); i += 3;
    }
  }
}

void attend(Kernel *kernel, int from, int to) {
  Chunk at = chunk_of(kernel, &kernel->pieces[from]);
  for (int i = from; i < to; i++) {
    const Piece *piece = &kernel->pieces[i];
    Chunk next = i + 1 < to ? chunk_of(kernel, piece + 1) : at;
    // Chunks of a head lie one after the other, the first so many pieces before this one.
    int all = i - piece->chunk >= from, folds = all && piece->chunk > 0;
    if (kernel->shape.head_dim == 64) attend_all(kernel, piece, at, next, folds, 64);
    else attend_all(kernel, piece, at, next, folds, kernel->shape.head_dim);
    if (all) *folded_of(kernel, piece->token, piece->head) = piece->chunk + 1;
    at = next;
  }
}

void join(Kernel *kernel, int t, float *out) {
  const Shape *shape = &kernel->shape;
  int dim = shape->head_dim, count = chunks_of(&kernel->step->token[t]), group = shape->heads / shape->kv_heads;
  for (int head = 0; head < shape->heads; head++, out += dim) {
    float *state = partial_of(kernel, t, head, 0);
    for (int chunk = *folded_of(kernel, t, head / group); chunk < count; chunk++) fold(state, partial_of(kernel, t, head, chunk), dim);
    Floats by = f_all(1 / state[1]);
    for (int d = 0; d < dim; d += LANES) f_store(out + d, f_mul(f_load(state + PARTIAL + d), by));
  }
}

/** Attention on each row that a sequence had before the step, summed over its new tokens and the query heads of one KV head. */
void collect(Kernel *kernel, int sequence, int head) {
  const Shape *shape = &kernel->shape;
  const Step *step = kernel->step;
  int group = shape->heads / shape->kv_heads, length = step->sequence[sequence].length;
  size_t place = (size_t)(kernel->layer->evidence * step->sequences + sequence) * shape->kv_heads + head;
  float *mass = step->mass + place * step->mass_capacity;
  memset(mass, 0, step->mass_capacity * sizeof(float));
  for (int t = 0; t < step->tokens; t++) {
    if (step->token[t].sequence != sequence) continue;
    for (int i = head * group; i < (head + 1) * group; i++) {
      const float *state = partial_of(kernel, t, i, 0), *seen = exponentials_of(kernel, t, i);
      for (int from = 0; from < length; from += CHUNK) {
        float by = exponential_of(partial_of(kernel, t, i, from / CHUNK)[OWN_TOP] - state[0]) / state[1];
        int end = from + CHUNK < length ? from + CHUNK : length;
        for (int row = from; row < end; row++) mass[row] += seen[row] * by;
      }
    }
  }
}
