#include "working-set.h"
#include "vectors.h"
#include <stdlib.h>

static size_t head_bytes(const Shape *shape, int capacity) { return (size_t)capacity * (2 * shape->head_dim + 12); }

size_t working_set_bytes(const Shape *shape, int capacity) {
  return (size_t)shape->layers * shape->kv_heads * head_bytes(shape, capacity) + 4096;
}

static void enlist(WorkingSet **list, WorkingSet *set) {
  set->before = NULL;
  set->after = *list;
  if (*list) (*list)->before = set;
  *list = set;
}

static void strike(WorkingSet **list, WorkingSet *set) {
  if (set->before) set->before->after = set->after;
  else *list = set->after;
  if (set->after) set->after->before = set->before;
}

WorkingSet *working_set_open(Kernel *kernel, int capacity) {
  WorkingSet *set = kernel->spare;
  while (set && (set->capacity < capacity || set->capacity > 2 * capacity)) set = set->after;
  if (set) strike(&kernel->spare, set);
  else {
    set = calloc(1, sizeof *set);
    if (!set) return NULL;
    set->memory = room(working_set_bytes(&kernel->shape, capacity));
    if (!set->memory) {
      free(set);
      return NULL;
    }
    set->capacity = capacity;
    set->kernel = kernel;
  }
  enlist(&kernel->sets, set);
  return set;
}

void working_set_close(WorkingSet *set) {
  strike(&set->kernel->sets, set);
  enlist(&set->kernel->spare, set);
}

void working_sets_trim(Kernel *kernel) {
  while (kernel->spare) {
    WorkingSet *set = kernel->spare;
    strike(&kernel->spare, set);
    free(set->memory);
    free(set);
  }
}

Head head_of(const Shape *shape, const WorkingSet *set, int layer, int head) {
  size_t numbers = (size_t)set->capacity * shape->head_dim;
  uint8_t *at = set->memory + (size_t)(layer * shape->kv_heads + head) * head_bytes(shape, set->capacity);
  float *scales = (float *)(at + 2 * numbers);
  return (Head){ at, (int8_t *)(at + numbers), scales, scales + set->capacity, scales + 2 * set->capacity };
}

INLINE __m128i rounded(const float *x, __m512 rate) {
  return _mm512_cvtsepi32_epi8(_mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(x), rate)));
}

/** What a row is multiplied by before it is rounded; its scale goes to `scale`. */
INLINE __m512 rate_of(const float *x, int dim, float *scale) {
  float top = peak(x, dim);
  *scale = top / 127;
  return _mm512_set1_ps(top == 0 ? 0 : 127 / top);
}

/** Four rows of values, [dim, 4] each. */
static void write_values(int dim, Head head, int row, const float *values) {
  __m512 rate[4];
  for (int r = 0; r < 4; r++) rate[r] = rate_of(values + r * dim, dim, &head.value_scales[row + r]);
  int8_t *to = head.values + (size_t)row * dim;
  for (int d = 0; d < dim; d += 16, to += 64) {
    const float *v = values + d;
    __m128i a = rounded(v, rate[0]), b = rounded(v + dim, rate[1]), c = rounded(v + 2 * dim, rate[2]), e = rounded(v + 3 * dim, rate[3]);
    __m128i ab = _mm_unpacklo_epi8(a, b), ce = _mm_unpacklo_epi8(c, e), AB = _mm_unpackhi_epi8(a, b), CE = _mm_unpackhi_epi8(c, e);
    _mm_storeu_si128((__m128i *)to, _mm_unpacklo_epi16(ab, ce));
    _mm_storeu_si128((__m128i *)(to + 16), _mm_unpackhi_epi16(ab, ce));
    _mm_storeu_si128((__m128i *)(to + 32), _mm_unpacklo_epi16(AB, CE));
    _mm_storeu_si128((__m128i *)(to + 48), _mm_unpackhi_epi16(AB, CE));
  }
}

void write_key(int dim, Head head, int row, const float *key) {
  __m512 rate = rate_of(key, dim, &head.key_scales[row]);
  uint8_t *to = head.keys + (size_t)(row & ~15) * dim + (row & 15) * 4;
  for (int d = 0; d < dim; d += 16) {
    int32_t four[4];
    _mm_storeu_si128((__m128i *)four, _mm_xor_si128(rounded(key + d, rate), _mm_set1_epi8((char)0x80)));
    for (int i = 0; i < 4; i++) memcpy(to + (size_t)(d / 4 + i) * 64, &four[i], 4);
  }
}

void write_value(int dim, Head head, int row, const float *value) {
  __m512 rate = rate_of(value, dim, &head.value_scales[row]);
  int8_t *to = head.values + (size_t)(row & ~3) * dim + (row & 3);
  for (int d = 0; d < dim; d += 16) {
    int8_t v[16];
    _mm_storeu_si128((__m128i *)v, rounded(value + d, rate));
    for (int i = 0; i < 16; i++) to[(size_t)(d + i) * 4] = v[i];
  }
}

void write_rows(const Shape *shape, WorkingSet *set, int layer, int head, int from, int to, const float *keys, const float *values, const float *bias) {
  Head at = head_of(shape, set, layer, head);
  int dim = shape->head_dim;
  for (int row = from; row < to; row++, keys += dim) {
    write_key(dim, at, row, keys);
    at.bias[row] = *bias++;
  }
  for (int row = from; row < to;) {
    int count = row % 4 == 0 && row + 4 <= to ? 4 : 1;
    if (count == 4) write_values(dim, at, row, values);
    else write_value(dim, at, row, values);
    row += count;
    values += (size_t)count * dim;
  }
}
