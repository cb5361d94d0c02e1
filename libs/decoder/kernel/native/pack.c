#define _GNU_SOURCE
#include "kernel.h"
#include <immintrin.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define LARGE_PAGE ((size_t)2 << 20)
/** Bytes of a slab, if not more are wanted at once. */
#define SLAB (4 * LARGE_PAGE)

/** Aligned, and in large pages where it is long enough for them. */
void *room(size_t bytes) {
  void *memory = NULL;
  size_t size = (bytes + 4095) & ~(size_t)4095;
  if (posix_memalign(&memory, size >= LARGE_PAGE ? LARGE_PAGE : 4096, size) != 0) return NULL;
  if (size >= LARGE_PAGE) madvise(memory, size, MADV_HUGEPAGE);
  return memory;
}

struct Slab {
  Slab *next;
  size_t size, used;
};

/** Zeros. Most matrices are shorter than a large page, and finding small ones takes a tenth of a step. */
static void *take(Slab **slabs, size_t bytes) {
  size_t head = (sizeof(Slab) + 63) & ~(size_t)63;
  bytes = (bytes + 63) & ~(size_t)63;
  Slab *slab = *slabs;
  if (!slab || slab->size - slab->used < bytes) {
    size_t size = head + bytes > SLAB ? head + bytes : SLAB;
    Slab *added = room(size);
    if (!added) return NULL;
    // What is left in the one before is more than what is left after something long.
    Slab **place = slab && size > SLAB ? &slab->next : slabs;
    *added = (Slab){ *place, size, head };
    *place = slab = added;
  }
  void *memory = (char *)slab + slab->used;
  slab->used += bytes;
  return memset(memory, 0, bytes);
}

void slabs_free(Slab *slabs) {
  for (Slab *next; slabs; slabs = next) {
    next = slabs->next;
    free(slabs);
  }
}

float *copy_floats(Slab **slabs, const float *from, size_t count, size_t padded) {
  float *to = take(slabs, padded * sizeof(float));
  return to ? memcpy(to, from, count * sizeof(float)) : NULL;
}

static float half(uint16_t bits) { return _cvtsh_ss(bits); }
static uint16_t to_half(float x) { return _cvtss_sh(x, _MM_FROUND_TO_NEAREST_INT); }

static uint16_t read16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }

static size_t group_bytes(int bits, int blocks) { return (size_t)blocks * (bits == 4 ? FOUR_BYTES : EIGHT_BYTES); }

static int take_weights(Slab **slabs, Part *part, int bits) {
  part->bits = bits;
  part->groups = (part->rows + LANES - 1) / LANES;
  // Vectors of the next block are loaded before it is known that there is none.
  part->weights = take(slabs, part->groups * group_bytes(bits, part->blocks) + 4096);
  return part->weights != NULL;
}

/** Blocks of a file's Q4_1: scale, minimum, 16 bytes; low halves of the bytes are the first 16 columns. */
void pack_four(Slab **slabs, Part *part, const uint8_t *file) {
  if (!take_weights(slabs, part, 4)) return;
  for (int row = 0; row < part->rows; row++)
    for (int b = 0; b < part->blocks; b++, file += 4 + BLOCK / 2) {
      uint8_t *to = part->weights + (row / LANES) * group_bytes(4, part->blocks) + (size_t)b * FOUR_BYTES;
      int lane = row % LANES;
      ((uint16_t *)to)[lane] = read16(file);
      ((uint16_t *)to)[LANES + lane] = read16(file + 2);
      for (int j = 0; j < 4; j++) memcpy(to + 4 * LANES + j * 4 * LANES + lane * 4, file + 4 + j * 4, 4);
    }
}

static void put_eight(uint8_t *weights, int blocks, int row, int b, uint16_t scale, const int8_t *numbers) {
  uint8_t *to = weights + (row / LANES) * group_bytes(8, blocks) + (size_t)b * EIGHT_BYTES;
  int lane = row % LANES;
  ((uint16_t *)to)[lane] = scale;
  for (int i = 0; i < BLOCK; i++) to[2 * LANES + (i / 4) * 4 * LANES + lane * 4 + i % 4] = (uint8_t)(numbers[i] + 128);
}

/** Blocks of a file's Q8_0: scale, 32 bytes. */
void pack_eight(Slab **slabs, Part *part, const uint8_t *file) {
  if (!take_weights(slabs, part, 8)) return;
  for (int row = 0; row < part->rows; row++)
    for (int b = 0; b < part->blocks; b++, file += 2 + BLOCK)
      put_eight(part->weights, part->blocks, row, b, read16(file), (const int8_t *)file + 2);
}

/** A row of eight bits as the file has it. */
void unpack_eight(const Part *part, int row, float *out) {
  const uint8_t *from = part->weights + (row / LANES) * group_bytes(8, part->blocks);
  int lane = row % LANES;
  for (int b = 0; b < part->blocks; b++, from += EIGHT_BYTES) {
    float scale = half(((const uint16_t *)from)[lane]);
    for (int i = 0; i < BLOCK; i++) *out++ = scale * (from[2 * LANES + (i / 4) * 4 * LANES + lane * 4 + i % 4] - 128);
  }
}

static void round_block(uint8_t *weights, int blocks, int row, int b, const float *x, size_t step) {
  float top = 0;
  for (int i = 0; i < BLOCK; i++) top = fmaxf(top, fabsf(x[i * step]));
  uint16_t scale = to_half(top / 127);
  float by = half(scale);
  int8_t numbers[BLOCK];
  for (int i = 0; i < BLOCK; i++) {
    float n = by > 0 ? nearbyintf(x[i * step] / by) : 0;
    numbers[i] = (int8_t)fminf(127, fmaxf(-127, n));
  }
  put_eight(weights, blocks, row, b, scale, numbers);
}

/** Anything else, as floats [rows, columns]. */
void pack_floats(Slab **slabs, Part *part, const float *rows) {
  if (!take_weights(slabs, part, 8)) return;
  size_t columns = (size_t)part->blocks * BLOCK;
  for (int row = 0; row < part->rows; row++)
    for (int b = 0; b < part->blocks; b++) round_block(part->weights, part->blocks, row, b, rows + row * columns + b * BLOCK, 1);
}

/** An adapter's factors, [columns, rank] and [rank, rows]; the scale goes into the first, which is rounded in blocks. */
void pack_low(Slab **slabs, Part *part, const float *a, const float *b, int rank, float scale) {
  int padded = (rank + LANES - 1) / LANES * LANES;
  part->low_in = take(slabs, padded / LANES * group_bytes(8, part->blocks) + 4096);
  part->low_out = take(slabs, (size_t)part->groups * padded * LANES * sizeof(uint16_t));
  if (!part->low_in || !part->low_out) return;
  part->rank = padded;
  float *scaled = malloc((size_t)part->blocks * BLOCK * rank * sizeof(float));
  if (!scaled) return;
  for (size_t i = 0; i < (size_t)part->blocks * BLOCK * rank; i++) scaled[i] = a[i] * scale;
  for (int r = 0; r < rank; r++)
    for (int block = 0; block < part->blocks; block++)
      round_block(part->low_in, part->blocks, r, block, scaled + (size_t)block * BLOCK * rank + r, rank);
  free(scaled);
  for (int r = 0; r < rank; r++)
    for (int row = 0; row < part->rows; row++)
      part->low_out[((size_t)(row / LANES) * padded + r) * LANES + row % LANES] = to_half(b[(size_t)r * part->rows + row]);
}
