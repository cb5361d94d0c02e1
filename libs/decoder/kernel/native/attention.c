#include "working-set.h"
#include "vectors.h"

/** Query heads that share keys and values and are computed together. */
#define TOGETHER 3
/** Largest weight of a row: two parts. */
#define WEIGHT_PEAK (float)((1 << 2 * WEIGHT_BITS) - 1)

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

/** A query in two parts of eight bits: number = scale · (first + second / (2 · QUERY_PEAK)). */
static void round_query(Kernel *kernel, int t, int head, const float *x) {
  int dim = kernel->shape.head_dim, index = t * kernel->shape.heads + head;
  int8_t *to = kernel->queries + (size_t)index * 2 * dim;
  float scale = peak(x, dim) / QUERY_PEAK;
  Floats rate = f_all(scale == 0 ? 0 : 1 / scale), fine = f_all(2 * QUERY_PEAK);
  Wholes first = w_all(0), second = first;
  for (int d = 0; d < dim; d += LANES) {
    Floats n = f_mul(f_load(x + d), rate);
    Wholes whole = w_nearest(n);
    Wholes rest = w_nearest(f_mul(f_sub(n, f_of(whole)), fine));
    w_store_bytes(to + d, whole);
    w_store_bytes(to + dim + d, rest);
    first = w_add(first, whole);
    second = w_add(second, rest);
  }
  kernel->query_scales[index] = scale;
  kernel->query_sums[2 * index] = 128 * w_sum(first);
  kernel->query_sums[2 * index + 1] = 128 * w_sum(second);
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

static float exponential_of(float x) { return f_first(exponential(f_all(x))); }

/** Scores of `count` rows, a multiple of LANES, with `heads` queries: [heads, CHUNK]. */
INLINE void score(const int dim, const uint8_t *keys, const uint8_t *next, const float *scales, const float *bias, int count, const int8_t *queries, const float *query_scales, const int32_t *sums, float *out, const int heads) {
  for (int row = 0; row < count; row += LANES, keys += LANES * dim, next += LANES * dim) {
    Wholes first[TOGETHER], second[TOGETHER];
#pragma GCC unroll 3
    for (int h = 0; h < heads; h++) {
      first[h] = w_all(-sums[2 * h]);
      second[h] = w_all(-sums[2 * h + 1]);
    }
    for (int d = 0; d < dim; d += 4) {
      Wholes k = w_load(keys + d * LANES);
      _mm_prefetch(next + d * LANES, _MM_HINT_T1);
#pragma GCC unroll 3
      for (int h = 0; h < heads; h++) {
        first[h] = w_dot_four(first[h], k, queries + 2 * h * dim + d);
        second[h] = w_dot_four(second[h], k, queries + (2 * h + 1) * dim + d);
      }
    }
    Floats by = f_load(scales + row), hidden = f_load(bias + row);
#pragma GCC unroll 3
    for (int h = 0; h < heads; h++) {
      Floats dot = f_fma(f_of(second[h]), f_all(0.5f / QUERY_PEAK), f_of(first[h]));
      f_store(out + h * CHUNK + row, f_fma(f_mul(dot, by), f_all(query_scales[h]), hidden));
    }
  }
}

/** Scores become weights in two parts; the partial result gets the largest score and the sum. Returns the weights' scale. */
static float weigh(float *scores, int rows, int count, const float *value_scales, float *partial, float *exponentials, uint8_t *high, uint8_t *low) {
  const Floats none = f_all(0);
  Floats top = f_all(LOWEST);
  for (int row = 0; row < count; row += LANES) top = f_max(top, f_choose(first_lanes(rows - row), f_load(scores + row), top));
  float highest = f_most(top);
  Floats sum = none;
  Wholes most = w_all(0);
  for (int row = 0; row < count; row += LANES) {
    Lanes shown = first_lanes(rows - row);
    Floats e = f_choose(shown, exponential(f_sub(f_load(scores + row), f_all(highest))), none);
    sum = f_add(sum, e);
    if (exponentials) f_store(exponentials + row, e);
    Floats w = f_choose(shown, f_mul(e, f_load(value_scales + row)), none);
    most = w_max(most, magnitude(w));
    f_store(scores + row, w);
  }
  float peak_weight = largest(most);
  Floats rate = f_all(peak_weight == 0 ? 0 : WEIGHT_PEAK / peak_weight);
  for (int row = 0; row < count; row += LANES) {
    Wholes w = w_nearest(f_mul(f_load(scores + row), rate));
    w_store_bytes(high + row, w_right(w, WEIGHT_BITS));
    w_store_bytes(low + row, w_and(w, w_all((1 << WEIGHT_BITS) - 1)));
  }
  partial[0] = highest;
  partial[1] = f_sum(sum);
  return peak_weight / WEIGHT_PEAK;
}

/** Sums of `count` rows of values, LANES · `vectors` dimensions from `values` on, each times its weight. `weights` [heads, high and low, CHUNK]. */
INLINE void gather(const int dim, const int8_t *values, const int8_t *next, int count, const uint8_t *weights, const float *scales, float *out, size_t stride, const int heads, const int vectors) {
  Wholes high[TOGETHER][GATHERED], low[TOGETHER][GATHERED];
#pragma GCC unroll 3
  for (int h = 0; h < heads; h++)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) high[h][v] = low[h][v] = w_all(0);
  for (int row = 0; row < count; row += 4, values += 4 * dim, next += 4 * dim) {
    Wholes n[GATHERED];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) {
      n[v] = w_load(values + v * 4 * LANES);
      _mm_prefetch(next + v * 4 * LANES, _MM_HINT_T1);
    }
#pragma GCC unroll 3
    for (int h = 0; h < heads; h++) {
      Wholes wh = w_four(weights + h * 2 * CHUNK + row), wl = w_four(weights + (h * 2 + 1) * CHUNK + row);
#pragma GCC unroll 4
      for (int v = 0; v < vectors; v++) {
        high[h][v] = w_dot(high[h][v], wh, n[v]);
        low[h][v] = w_dot(low[h][v], wl, n[v]);
      }
    }
  }
#pragma GCC unroll 3
  for (int h = 0; h < heads; h++)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) {
      Floats sum = f_fma(f_of(high[h][v]), f_all(1 << WEIGHT_BITS), f_of(low[h][v]));
      f_store(out + h * stride + v * LANES, f_mul(sum, f_all(scales[h])));
    }
}

/** Where a chunk's keys and values begin. */
typedef struct {
  const uint8_t *keys;
  const int8_t *values;
} Chunk;

static Chunk chunk_of(const Kernel *kernel, const Piece *piece) {
  const Step *step = kernel->step;
  Head set = head_of(&kernel->shape, step->sequence[step->token[piece->token].sequence].set, kernel->layer_index, piece->head);
  size_t from = (size_t)piece->chunk * CHUNK * kernel->shape.head_dim;
  return (Chunk){ set.keys + from, set.values + from };
}

/** One to three query heads that share keys and values; the chunk that comes next is asked for meanwhile. */
INLINE void attend_some(Kernel *kernel, Head set, Chunk next, int t, int head, int chunk, int rows, float *exponentials, const int heads, const int dim) {
  const Shape *shape = &kernel->shape;
  int from = chunk * CHUNK, count = (rows + LANES - 1) & ~(LANES - 1);
  int index = t * shape->heads + head;
  _Alignas(64) float scores[TOGETHER * CHUNK];
  _Alignas(64) uint8_t weights[TOGETHER * 2 * CHUNK];
  float scales[TOGETHER];
  score(dim, set.keys + (size_t)from * dim, next.keys, set.key_scales + from, set.bias + from, count, kernel->queries + (size_t)index * 2 * dim, kernel->query_scales + index, kernel->query_sums + 2 * index, scores, heads);
  float *partial = partial_of(kernel, t, head, chunk);
  size_t stride = (size_t)kernel->chunks * (PARTIAL + dim);
  for (int h = 0; h < heads; h++) {
    float *seen = exponentials ? exponentials + (size_t)h * kernel->chunks * CHUNK + from : NULL;
    scales[h] = weigh(scores + h * CHUNK, rows, count, set.value_scales + from, partial + h * stride, seen, weights + h * 2 * CHUNK, weights + (h * 2 + 1) * CHUNK);
  }
  const int8_t *values = set.values + (size_t)from * dim;
  int d = 0;
  for (; d + GATHERED * LANES <= dim; d += GATHERED * LANES)
    gather(dim, values + (size_t)d * 4, next.values + (size_t)d * 4, count, weights, scales, partial + PARTIAL + d, stride, heads, GATHERED);
  for (; d < dim; d += LANES) gather(dim, values + (size_t)d * 4, next.values + (size_t)d * 4, count, weights, scales, partial + PARTIAL + d, stride, heads, 1);
}

/** `dim` is known where this is compiled for most heads. */
INLINE void attend_all(Kernel *kernel, const Piece *piece, const Piece *following, const int dim) {
  const Shape *shape = &kernel->shape;
  int t = piece->token, head = piece->head, chunk = piece->chunk;
  const Token *token = &kernel->step->token[t];
  int group = shape->heads / shape->kv_heads, end = (head + 1) * group;
  int rows = token->row + 1 - chunk * CHUNK;
  if (rows > CHUNK) rows = CHUNK;
  Head set = head_of(shape, kernel->step->sequence[token->sequence].set, kernel->layer_index, head);
  Chunk next = chunk_of(kernel, following);
  for (int i = head * group; i < end;) {
    float *exponentials = reports(kernel) ? exponentials_of(kernel, t, i) : NULL;
    switch (end - i) {
      case 1: attend_some(kernel, set, next, t, i, chunk, rows, exponentials, 1, dim); i += 1; break;
      case 2: attend_some(kernel, set, next, t, i, chunk, rows, exponentials, 2, dim); i += 2; break;
      default: attend_some(kernel, set, next, t, i, chunk, rows, exponentials, 3, dim); i += 3;
    }
  }
}

void attend(Kernel *kernel, const Piece *piece, const Piece *following) {
  if (kernel->shape.head_dim == 64) attend_all(kernel, piece, following, 64);
  else attend_all(kernel, piece, following, kernel->shape.head_dim);
}

/** Largest score of a head over all chunks, and the sum of its exponentials beside that. */
static float highest(const Kernel *kernel, int t, int head, float *sum) {
  int count = chunks_of(&kernel->step->token[t]);
  float top = LOWEST;
  for (int chunk = 0; chunk < count; chunk++) {
    float score = partial_of(kernel, t, head, chunk)[0];
    top = score <= top ? top : score;
  }
  *sum = 0;
  for (int chunk = 0; chunk < count; chunk++) {
    const float *partial = partial_of(kernel, t, head, chunk);
    *sum += partial[1] * exponential_of(partial[0] - top);
  }
  return top;
}

void join(Kernel *kernel, int t, float *out) {
  const Shape *shape = &kernel->shape;
  int dim = shape->head_dim, count = chunks_of(&kernel->step->token[t]);
  for (int head = 0; head < shape->heads; head++, out += dim) {
    float sum, top = highest(kernel, t, head, &sum);
    memset(out, 0, dim * sizeof(float));
    for (int chunk = 0; chunk < count; chunk++) {
      const float *partial = partial_of(kernel, t, head, chunk);
      Floats by = f_all(exponential_of(partial[0] - top) / sum);
      for (int d = 0; d < dim; d += LANES) f_store(out + d, f_fma(f_load(partial + PARTIAL + d), by, f_load(out + d)));
    }
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
      float sum, top = highest(kernel, t, i, &sum);
      const float *seen = exponentials_of(kernel, t, i);
      for (int from = 0; from < length; from += CHUNK) {
        float by = exponential_of(partial_of(kernel, t, i, from / CHUNK)[0] - top) / sum;
        int end = from + CHUNK < length ? from + CHUNK : length;
        for (int row = from; row < end; row++) mass[row] += seen[row] * by;
      }
    }
  }
}
