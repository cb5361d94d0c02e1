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

void working_set_copy(const Shape *shape, WorkingSet *to, const WorkingSet *from, int rows) {
  // Rows lie in groups of LANES, whose last one may be begun.
  size_t whole = (rows + LANES - 1) / LANES * LANES, numbers = whole * shape->head_dim, scales = rows * sizeof(float);
  for (int layer = 0; layer < shape->layers; layer++)
    for (int head = 0; head < shape->kv_heads; head++) {
      Head a = head_of(shape, from, layer, head), b = head_of(shape, to, layer, head);
      memcpy(b.keys, a.keys, numbers);
      memcpy(b.values, a.values, numbers);
      memcpy(b.key_scales, a.key_scales, scales);
      memcpy(b.value_scales, a.value_scales, scales);
      memcpy(b.bias, a.bias, scales);
    }
}

void write_key(int dim, Head head, int row, const float *key) {
  Floats rate = rate_of(peak(key, dim), &head.key_scales[row]);
  uint8_t *to = head.keys + (size_t)(row / LANES * LANES) * dim + row % LANES * 4;
  for (int d = 0; d < dim; d += LANES) {
    int32_t four[LANES / 4];
    // Without sign: 128 more.
    w_store_bytes(four, rounded(key + d, rate));
    for (int i = 0; i < LANES / 4; i++) {
      four[i] ^= (int32_t)0x80808080;
      memcpy(to + (size_t)(d / 4 + i) * 4 * LANES, &four[i], 4);
    }
  }
}

void write_value(int dim, Head head, int row, const float *value) {
  Floats rate = rate_of(peak(value, dim), &head.value_scales[row]);
  int8_t *to = head.values + (size_t)(row & ~3) * dim + (row & 3);
  for (int d = 0; d < dim; d += LANES) {
    int8_t v[LANES];
    w_store_bytes(v, rounded(value + d, rate));
    for (int i = 0; i < LANES; i++) to[(size_t)(d + i) * 4] = v[i];
  }
}

void write_rows(const Shape *shape, WorkingSet *set, int layer, int head, int from, int to, const float *keys, const float *values, const float *bias) {
  Head at = head_of(shape, set, layer, head);
  int dim = shape->head_dim;
  for (int row = from; row < to; row++, keys += dim, values += dim) {
    write_key(dim, at, row, keys);
    write_value(dim, at, row, values);
    at.bias[row] = *bias++;
  }
}

void read_rows(const Shape *shape, const WorkingSet *set, int layer, int head, int from, int to, float *keys, float *values, float *bias) {
  Head at = head_of(shape, set, layer, head);
  int dim = shape->head_dim;
  for (int row = from; row < to; row++) {
    const uint8_t *key = at.keys + (size_t)(row / LANES * LANES) * dim + row % LANES * 4;
    const int8_t *value = at.values + (size_t)(row & ~3) * dim + (row & 3);
    for (int d = 0; d < dim; d++) {
      *keys++ = (key[d / 4 * 4 * LANES + d % 4] - 128) * at.key_scales[row];
      *values++ = value[d * 4] * at.value_scales[row];
    }
    *bias++ = at.bias[row];
  }
}
