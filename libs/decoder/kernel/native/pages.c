#include "vectors.h"

/** Whether two tokens lie in one page. */
static int same_page(const Step *step, const Token *a, const Token *b) {
  int before = step->sequence[a->sequence].before;
  return a->sequence == b->sequence && (a->row - before) / PAGE == (b->row - before) / PAGE;
}

void find_pages(Kernel *kernel, const Step *step) {
  kernel->page_count = 0;
  if (!step->pages.keys) return;
  for (int t = 0; t < step->tokens; t++)
    if (t == 0 || !same_page(step, &step->token[t - 1], &step->token[t])) kernel->page_start[kernel->page_count++] = t;
}

void encode(Kernel *kernel, int page, int head) {
  const Shape *shape = &kernel->shape;
  const Step *step = kernel->step;
  const Pages *pages = &step->pages;
  int dim = shape->head_dim, start = kernel->page_start[page];
  int end = page + 1 < kernel->page_count ? kernel->page_start[page + 1] : step->tokens;
  const Sequence *sequence = &step->sequence[step->token[start].sequence];
  int row = step->token[start].row - sequence->before;
  size_t block = ((size_t)kernel->layer_index * pages->segments + sequence->segment) * shape->kv_heads + head;
  uint8_t *keys = pages->keys + (block * pages->rows + row) * dim;
  int8_t *values = pages->values + (block * pages->rows + row) * dim;
  float *value_scales = pages->value_scales + block * pages->rows + row;
  float *key = kernel->product + (size_t)start * kernel->product_stride + (shape->heads + head) * dim;
  const float *weight = kernel->layer->norms[KEY_NORM];
  Wholes top = w_all(0);
  float *x = key;
  for (int t = start; t < end; t++, x += kernel->product_stride) {
    if (weight) rms_norm(x, dim, shape->epsilon, weight, x);
    for (int d = 0; d < dim; d += LANES) top = w_max(top, magnitude(f_load(x + d)));
  }
  Floats key_rate = rate_of(largest(top), pages->key_scales + (block * pages->rows + row) / PAGE);
  x = key;
  for (int t = start; t < end; t++, x += kernel->product_stride) {
    const float *value = x + (size_t)shape->kv_heads * dim;
    Floats rate = rate_of(peak(value, dim), value_scales++);
    for (int d = 0; d < dim; d += LANES, keys += LANES, values += LANES) {
      w_store_bytes(keys, rounded(x + d, key_rate));
      for (int i = 0; i < LANES; i++) keys[i] ^= 0x80;
      w_store_bytes(values, rounded(value + d, rate));
    }
  }
}
