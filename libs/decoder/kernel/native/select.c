#include "working-set.h"
#include "vectors.h"
#include <stdlib.h>

/** Candidates that one piece covers. */
#define SPAN 256
/** Vectors of a page's rows. */
#define HALVES (PAGE / LANES)

int spans_of(const Choice *choice) { return (choice->candidates + SPAN - 1) / SPAN; }

static int queries_of(const Kernel *kernel) {
  return kernel->shape.heads / kernel->shape.kv_heads * kernel->step->choice.scored_count;
}

static size_t stride_of(const Choice *choice) { return (size_t)spans_of(choice) * SPAN; }

int open_choice(Kernel *kernel, const Step *step) {
  const Shape *shape = &kernel->shape;
  const Choice *choice = &step->choice;
  kernel->step = (Step *)step;
  size_t heads = shape->kv_heads, queries = heads * queries_of(kernel);
  Choosing *own = &kernel->choosing;
  own->queries = room(queries * shape->head_dim);
  own->scales = room(queries * sizeof(float));
  own->sums = room(queries * sizeof(int32_t));
  own->normalisers = room(queries * sizeof(float));
  own->scores = room(queries * stride_of(choice) * sizeof(float));
  own->importance = room(heads * stride_of(choice) * sizeof(float));
  own->positions = room(heads * choice->count * sizeof(int32_t));
  return own->queries && own->scales && own->sums && own->normalisers && own->scores && own->importance && own->positions;
}

void close_choice(Kernel *kernel) {
  Choosing *own = &kernel->choosing;
  void *owned[] = { own->queries, own->scales, own->sums, own->normalisers, own->scores, own->importance, own->positions };
  for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) free(owned[i]);
  memset(own, 0, sizeof *own);
}

/** Scoring queries of one KV head in eight bits, without phase. */
void rank_queries(Kernel *kernel, int head) {
  const Shape *shape = &kernel->shape;
  const Choice *choice = &kernel->step->choice;
  Choosing *own = &kernel->choosing;
  int dim = shape->head_dim, group = shape->heads / shape->kv_heads, count = queries_of(kernel);
  const float *weight = kernel->layer->norms[QUERY_NORM];
  float x[MOST_DIM], factor = 1 / sqrtf(dim);
  for (int i = 0; i < count; i++) {
    int t = choice->scored[i / group], index = head * count + i;
    memcpy(x, kernel->product + (size_t)t * kernel->product_stride + (head * group + i % group) * dim, dim * sizeof(float));
    if (weight) rms_norm(x, dim, shape->epsilon, weight, x);
    float top = peak(x, dim);
    Floats rate = f_all(top == 0 ? 0 : QUERY_PEAK / top);
    int8_t *to = own->queries + (size_t)index * dim;
    Wholes sum = w_all(0);
    for (int d = 0; d < dim; d += LANES) {
      Wholes n = rounded(x + d, rate);
      w_store_bytes(to + d, n);
      sum = w_add(sum, n);
    }
    own->scales[index] = top / QUERY_PEAK * factor;
    own->sums[index] = 128 * w_sum(sum);
  }
}

/** Largest products of one page's rows, [dim / 4, PAGE, 4], with one to BESIDE queries: [query · stride]. */
INLINE void score_page(int dim, const uint8_t *keys, int tokens, float key_scale, const int8_t *queries, const float *scales, const int32_t *sums, float *out, size_t stride, const int beside) {
  Wholes dot[BESIDE][HALVES];
#pragma GCC unroll 8
  for (int q = 0; q < beside; q++)
#pragma GCC unroll 2
    for (int h = 0; h < HALVES; h++) dot[q][h] = w_all(-sums[q]);
  for (int d = 0; d < dim; d += 4)
#pragma GCC unroll 2
    for (int h = 0; h < HALVES; h++) {
      Wholes k = w_load(keys + d * PAGE + h * 4 * LANES);
#pragma GCC unroll 8
      for (int q = 0; q < beside; q++) dot[q][h] = w_dot_four(dot[q][h], k, queries + q * dim + d);
    }
#pragma GCC unroll 8
  for (int q = 0; q < beside; q++) {
    Floats top = f_all(LOWEST);
#pragma GCC unroll 2
    for (int h = 0; h < HALVES; h++) top = f_max(top, f_choose(first_lanes(tokens - h * LANES), f_of(dot[q][h]), top));
    out[q * stride] = f_most(top) * key_scale * scales[q];
  }
}

/** Some queries, or as many as go beside each other. */
#define SCORE(queries_at_once) { \
    const int some = queries_at_once < BESIDE ? queries_at_once : BESIDE; \
    score_page(dim, keys, choice->tokens[c], scale, queries, own->scales + index, own->sums + index, out, stride, some); \
    q += some; \
    break; \
  }
#define SOME(queries_at_once) case queries_at_once: SCORE(queries_at_once)

/** A page's keys, [PAGE, dim], as [dim / 4, PAGE, 4]: four rows and sixteen numbers of each at once. */
static void lay_side_by_side(int dim, const uint8_t *from, uint8_t *to) {
  for (int row = 0; row < PAGE; row += 4, from += 4 * dim, to += 16) {
    int d = 0;
    for (; d + 16 <= dim; d += 16) {
      __m128i x[4];
      for (int r = 0; r < 4; r++) x[r] = _mm_loadu_si128((const __m128i *)(from + r * dim + d));
      __m128i a = _mm_unpacklo_epi32(x[0], x[1]), b = _mm_unpacklo_epi32(x[2], x[3]);
      __m128i c = _mm_unpackhi_epi32(x[0], x[1]), e = _mm_unpackhi_epi32(x[2], x[3]);
      __m128i columns[] = { _mm_unpacklo_epi64(a, b), _mm_unpackhi_epi64(a, b), _mm_unpacklo_epi64(c, e), _mm_unpackhi_epi64(c, e) };
      for (int i = 0; i < 4; i++) _mm_storeu_si128((__m128i *)(to + (d + 4 * i) * PAGE), columns[i]);
    }
    for (; d < dim; d += 4)
      for (int r = 0; r < 4; r++) memcpy(to + d * PAGE + 4 * r, from + r * dim + d, 4);
  }
}

/** Keys of a candidate's page. */
static const uint8_t *keys_of(const Kernel *kernel, int head, int candidate) {
  const Choice *choice = &kernel->step->choice;
  size_t page = (size_t)head * choice->total + choice->pages[candidate];
  return choice->planes[kernel->layer_index].keys + page * PAGE * kernel->shape.head_dim;
}

void score_span(Kernel *kernel, int head, int span) {
  const Choice *choice = &kernel->step->choice;
  const Choosing *own = &kernel->choosing;
  const float *key_scales = choice->planes[kernel->layer_index].key_scales + (size_t)head * choice->total;
  int dim = kernel->shape.head_dim, count = queries_of(kernel);
  size_t stride = stride_of(choice);
  int end = (span + 1) * SPAN < choice->candidates ? (span + 1) * SPAN : choice->candidates;
  _Alignas(64) uint8_t laid[2][PAGE * MOST_DIM];
  lay_side_by_side(dim, keys_of(kernel, head, span * SPAN), laid[0]);
  for (int c = span * SPAN; c < end; c++) {
    // The next page is laid out before this one is multiplied: what was just written is slow to read.
    if (c + 1 < end) lay_side_by_side(dim, keys_of(kernel, head, c + 1), laid[(c + 1) & 1]);
    if (c + 2 < end) for (int i = 0; i < PAGE * dim; i += 64) _mm_prefetch(keys_of(kernel, head, c + 2) + i, _MM_HINT_T0);
    const uint8_t *keys = laid[c & 1];
    float scale = key_scales[choice->pages[c]];
    for (int q = 0; q < count;) {
      size_t index = (size_t)head * count + q;
      const int8_t *queries = own->queries + index * dim;
      float *out = own->scores + index * stride + c;
      switch (count - q) {
        SOME(1) SOME(2) SOME(3) SOME(4) SOME(5) SOME(6) SOME(7)
        default: SCORE(8)
      }
    }
  }
}

/** Logarithm of the sum of one query's exponentials over all candidates. */
void normalise(Kernel *kernel, int index) {
  const Choice *choice = &kernel->step->choice;
  size_t stride = stride_of(choice);
  float *scores = kernel->choosing.scores + index * stride;
  for (size_t c = choice->candidates; c < stride; c++) scores[c] = LOWEST;
  Floats top = f_all(LOWEST);
  for (size_t c = 0; c < stride; c += LANES) top = f_max(top, f_load(scores + c));
  float highest = f_most(top);
  Floats sum = f_all(0);
  for (int c = 0; c < choice->candidates; c += LANES) {
    Floats e = exponential(f_sub(f_load(scores + c), f_all(highest)));
    sum = f_add(sum, f_choose(first_lanes(choice->candidates - c), e, f_all(0)));
  }
  kernel->choosing.normalisers[index] = highest + logf(f_sum(sum));
}

/** The largest share that any scoring query gives to a page, and what was known before. */
void weigh_span(Kernel *kernel, int head, int span) {
  const Choice *choice = &kernel->step->choice;
  const Choosing *own = &kernel->choosing;
  int count = queries_of(kernel);
  size_t stride = stride_of(choice);
  float *out = own->importance + head * stride;
  for (int c = span * SPAN; c < (span + 1) * SPAN; c += LANES) {
    Floats best = f_all(LOWEST);
    for (int q = 0; q < count; q++) {
      size_t index = (size_t)head * count + q;
      best = f_max(best, f_sub(f_load(own->scores + index * stride + c), f_all(own->normalisers[index])));
    }
    f_store(out + c, best);
  }
  int end = (span + 1) * SPAN < choice->candidates ? (span + 1) * SPAN : choice->candidates;
  for (int c = span * SPAN; c < end; c++) out[c] += choice->prior[c];
}

static int ascending(const void *a, const void *b) { return *(const int32_t *)a - *(const int32_t *)b; }

/** Puts `candidate` in place of `at` into a heap whose least important is on top. */
static void sink(int32_t *heap, int count, int at, const float *importance, int32_t candidate) {
  for (int child; (child = 2 * at + 1) < count; at = child) {
    if (child + 1 < count && importance[heap[child + 1]] < importance[heap[child]]) child++;
    if (!(importance[heap[child]] < importance[candidate])) break;
    heap[at] = heap[child];
  }
  heap[at] = candidate;
}

/** Keeps the most important candidates of one KV head, in their order, and says where their rows stand. */
void choose(Kernel *kernel, int head) {
  const Choice *choice = &kernel->step->choice;
  const float *importance = kernel->choosing.importance + head * stride_of(choice);
  int count = choice->count;
  int32_t *chosen = choice->chosen + ((size_t)kernel->layer_index * kernel->shape.kv_heads + head) * count;
  for (int i = 0; i < count; i++) chosen[i] = i;
  for (int i = count - 1; i >= 0; i--) sink(chosen, count, i, importance, chosen[i]);
  for (int c = count; c < choice->candidates; c++)
    if (importance[c] > importance[chosen[0]]) sink(chosen, count, 0, importance, c);
  qsort(chosen, count, sizeof *chosen, ascending);
  int position = choice->before;
  for (int i = 0; i < count; i++) {
    kernel->choosing.positions[head * count + i] = position;
    position += choice->tokens[chosen[i]];
  }
}

/** One chosen page becomes rows of the working set; what it does not hold is hidden. */
void gather_page(Kernel *kernel, int head, int place) {
  const Shape *shape = &kernel->shape;
  const Choice *choice = &kernel->step->choice;
  int layer = kernel->layer_index, index = head * choice->count + place, row = choice->before + place * PAGE;
  int candidate = choice->chosen[(size_t)layer * shape->kv_heads * choice->count + index], tokens = choice->tokens[candidate];
  Head rows = head_of(shape, kernel->step->sequence->set, layer, head);
  const float *phases = choice->phases + (size_t)kernel->choosing.positions[index] * shape->head_dim;
  place_page(shape, rows, &choice->planes[layer], (size_t)head * choice->total + choice->pages[candidate], tokens, row, phases);
  const float nothing[MOST_DIM] = { 0 };
  for (row += tokens; tokens < PAGE; tokens++, row++) {
    write_key(shape->head_dim, rows, row, nothing);
    write_value(shape->head_dim, rows, row, nothing);
    rows.bias[row] = HIDDEN;
  }
}
