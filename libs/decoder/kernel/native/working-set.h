// Keys and values of a sequence in eight bits, see WorkingSet in kernel.h.
#pragma once
#include "kernel.h"

/** Of one layer and KV head. */
typedef struct {
  uint8_t *keys;
  int8_t *values;
  float *key_scales, *value_scales, *bias;
} Head;

Head head_of(const Shape *shape, const WorkingSet *set, int layer, int head);
void write_key(int dim, Head head, int row, const float *key);
void write_value(int dim, Head head, int row, const float *value);
/** A page of the pool becomes `tokens` rows from `row` on. @param page its number in the planes of the head @param phases [tokens, dim] */
void place_page(const Shape *shape, Head head, const Planes *planes, size_t page, int tokens, int row, const float *phases);
