#include "working-set.h"
#include "vectors.h"

/** Four rows of `dim` numbers each become [dim, 4]. */
static void interleave(int dim, int8_t *to, const int8_t *from) {
  for (int d = 0; d < dim; d += 16, from += 16, to += 64) {
    __m128i row[4];
    for (int r = 0; r < 4; r++) row[r] = _mm_loadu_si128((const __m128i *)(from + r * dim));
    __m128i low[] = { _mm_unpacklo_epi8(row[0], row[1]), _mm_unpacklo_epi8(row[2], row[3]) };
    __m128i high[] = { _mm_unpackhi_epi8(row[0], row[1]), _mm_unpackhi_epi8(row[2], row[3]) };
    _mm_storeu_si128((__m128i *)to, _mm_unpacklo_epi16(low[0], low[1]));
    _mm_storeu_si128((__m128i *)(to + 16), _mm_unpackhi_epi16(low[0], low[1]));
    _mm_storeu_si128((__m128i *)(to + 32), _mm_unpacklo_epi16(high[0], high[1]));
    _mm_storeu_si128((__m128i *)(to + 48), _mm_unpackhi_epi16(high[0], high[1]));
  }
}

/** Values are what the page holds, to the bit; keys are rounded again after they have got their phase. */
void place_page(const Shape *shape, Head head, const Planes *planes, size_t page, int tokens, int row, const float *phases) {
  int dim = shape->head_dim, half = dim / 2;
  const uint8_t *keys = planes->keys + page * PAGE * dim;
  const int8_t *values = planes->values + page * PAGE * dim;
  float scale = planes->key_scales[page];
  _Alignas(64) float key[MOST_DIM];
  for (int t = 0; t < tokens; t++, keys += dim, phases += dim) {
    for (int d = 0; d < half; d++) {
      float a = (keys[d] - 128) * scale, b = (keys[d + half] - 128) * scale;
      key[d] = a * phases[d] - b * phases[half + d];
      key[d + half] = a * phases[half + d] + b * phases[d];
    }
    write_key(dim, head, row + t, key);
    head.value_scales[row + t] = planes->value_scales[page * PAGE + t];
    head.bias[row + t] = 0;
  }
  for (int t = 0; t < tokens;) {
    int8_t *to = head.values + (size_t)((row + t) & ~3) * dim + ((row + t) & 3);
    if ((row + t) % 4 == 0 && t + 4 <= tokens && dim % 16 == 0) {
      interleave(dim, to, values + t * dim);
      t += 4;
    } else {
      for (int d = 0; d < dim; d++) to[(size_t)d * 4] = values[t * dim + d];
      t++;
    }
  }
}

typedef struct {
  const Shape *shape;
  const Filling *filling;
} Task;

static void fill_head(void *context, int piece) {
  const Task *task = context;
  const Shape *shape = task->shape;
  const Filling *filling = task->filling;
  int layer = piece / shape->kv_heads, head = piece % shape->kv_heads, row = filling->row;
  Head rows = head_of(shape, filling->set, layer, head);
  for (int i = 0; i < filling->count; row += filling->tokens[i++]) {
    size_t page = (size_t)head * filling->total + filling->pages[i];
    place_page(shape, rows, &filling->planes[layer], page, filling->tokens[i], row, filling->phases + (size_t)row * shape->head_dim);
  }
}

void kernel_fill(Kernel *kernel, const Filling *filling) {
  Task task = { &kernel->shape, filling };
  unsigned before = flush_denormals();
  share(&kernel->crew, fill_head, &task, kernel->shape.layers * kernel->shape.kv_heads);
  restore_denormals(before);
}
