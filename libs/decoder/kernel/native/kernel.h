// One step of the decoder for many new tokens at once, on processors with AVX2, or AVX-512 and VNNI (docs/decisions/0048). It is compiled for each.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <stdatomic.h>

/** Columns of a block of weights. */
#define BLOCK 32
/** Rows of a matrix that are computed together, one in each lane of a vector. */
#ifndef LANES
#error "build.js says for which vectors this is compiled"
#endif
/** New tokens whose sums are kept in registers side by side. */
#define TILE 16
/** Largest head. */
#define MOST_DIM 256
/** Added to the scores of rows that hold nothing. */
#define HIDDEN (-1e9f)
/** Largest rank of an adapter. */
#define MOST_RANK 128
/** Numbers that the adapter's first factors give for a token, of parts that are computed together. */
#define LOW_STRIDE (3 * MOST_RANK)
/** New tokens of a step. */
#define MOST_TOKENS 256
/** Rows of a working set that one piece of attention covers. Always the same, so that the result does not depend on how much is computed at once. */
#define CHUNK 128

/** Bytes of LANES rows' blocks: scales and minima in half precision, then numbers. */
#define FOUR_BYTES (2 * LANES * 2 + LANES * BLOCK / 2)
#define EIGHT_BYTES (LANES * 2 + LANES * BLOCK)

/** Memory of weights, which is given back as a whole. */
typedef struct Slab Slab;

/** A matrix. */
typedef struct {
  int rows, groups, blocks;
  /** 4: u4 × scale + minimum, 8: (u8 - 128) × scale. */
  int bits;
  uint8_t *weights;
  /** f32 [rows], padded, or NULL. */
  float *bias;
  /** Of the adapter beside it, a multiple of LANES; 0 without. */
  int rank;
  /** First factor, as a matrix of eight bits of `rank` rows. */
  uint8_t *low_in;
  /** Second factor, half [groups, rank, LANES]. */
  uint16_t *low_out;
} Part;

enum { QUERY, KEY, VALUE, OUTPUT, GATE, UP, DOWN, PARTS };
enum { ATTENTION_NORM, QUERY_NORM, KEY_NORM, FEED_FORWARD_NORM, NORMS };

typedef struct {
  Part parts[PARTS];
  float *norms[NORMS];
  /** Number among the layers whose attention is reported, or -1. */
  int evidence;
} Layer;

typedef struct {
  int hidden, heads, kv_heads, head_dim, feed_forward, layers, vocabulary;
  /** 0: SiLU, 1: GELU by tanh. */
  int activation;
  float epsilon;
} Shape;

/**
 * Keys and values of one sequence in eight bits with a scale for each row, per layer and KV head: keys u8 [capacity / LANES, dim / 4, LANES, 4], values
 * i8 [capacity / 4, dim, 4], then f32 [capacity] each: scales of keys, of values, and what is added to scores.
 */
typedef struct WorkingSet {
  int capacity;
  uint8_t *memory;
  /** The others of its kernel. */
  struct Kernel *kernel;
  struct WorkingSet *before, *after;
} WorkingSet;

/** Where the rows of the only sequence of a step also go, in float32: per layer [kv_heads, rows, dim]. */
typedef struct {
  float **keys, **values;
  int rows;
} Exact;

/** A new token: which sequence of the step it continues, and the row that it becomes. It sees the rows before, and itself. */
typedef struct {
  int sequence, row;
  /** Row of `logits`, or -1. */
  int logits;
} Token;

/** Pieces of attention for each head. */
static inline int chunks_of(const Token *token) { return token->row / CHUNK + 1; }

typedef struct {
  WorkingSet *set;
  /** Rows before this step. */
  int length;
  /** Number among the segments of `pages`, and rows before it, which are none of its own. */
  int segment, before;
} Sequence;

/** Tokens of a page of the pool. */
#define PAGE 16

/**
 * What segments are kept as, in eight bits: [layers, segments, kv_heads, rows, head_dim], keys around 128 without phase, with a scale for each PAGE
 * of rows; values with one for each row.
 */
typedef struct {
  uint8_t *keys;
  int8_t *values;
  float *key_scales, *value_scales;
  /** A multiple of PAGE. */
  int segments, rows;
} Pages;

/** Keys and values of a layer's pages: u8 around 128 and i8 [kv_heads, pages, PAGE, dim], scales [kv_heads, pages] and [kv_heads, pages, PAGE]. */
typedef struct {
  const uint8_t *keys;
  const int8_t *values;
  const float *key_scales, *value_scales;
} Planes;

/** Pages whose tokens become rows of a working set, one after the other. */
typedef struct {
  WorkingSet *set;
  /** The first row; pages; pages in the planes. */
  int row, count, total;
  const int32_t *pages;
  /** Tokens that each page holds. */
  const uint8_t *tokens;
  /** One for each layer. */
  const Planes *planes;
  /** [positions, head_dim]: cosines, then sines. */
  const float *phases;
} Filling;

/** What a question, the only sequence of its step, chooses from: in each layer its tokens that score choose pages, which they and the others then see. */
typedef struct {
  /** Pages to choose from, in their order; to keep; in the planes. */
  int candidates, count, total;
  /** Rows that stand before the chosen ones. */
  int before;
  int scored_count;
  const int32_t *scored, *pages;
  /** Tokens that each page holds. */
  const uint8_t *tokens;
  const float *prior;
  /** One for each layer; NULL: nothing is chosen. */
  const Planes *planes;
  /** [positions, head_dim]: cosines, then sines. */
  const float *phases;
  /** [layers, kv_heads, count]: numbers among the candidates, ascending. */
  int32_t *chosen;
} Choice;

typedef struct {
  int tokens, sequences, wanted;
  Token token[MOST_TOKENS];
  Sequence sequence[MOST_TOKENS];
  /** [tokens, head_dim]: cosines, then sines. */
  const float *phases;
  const float *embeddings;
  /** `keys` NULL: none. */
  Exact exact;
  /** Instead of logits; `keys` NULL: none. */
  Pages pages;
  Choice choice;
  /** [wanted, vocabulary] */
  float *logits;
  /** [wanted]: where the largest logit is, the first of equal ones; -1 where one is no finite number. Or NULL. */
  int32_t *best;
  /** [evidence layers, sequences, kv_heads, mass_capacity], or NULL */
  float *mass;
  int mass_capacity;
} Step;

/** Largest number of 16 bits that enters a product: 256 times the largest of eight bits, since some processors take it in two parts. */
#define WHOLE 32512.0f

/**
 * What enters products, in tiles: [tile, block, token in tile]. In two parts each token has one scale and numbers of 16 bits, as the
 * vectors of the processor take them; in one part each block has a scale and eight bits.
 */
typedef struct {
  int tokens, blocks, parts;
  /** i8 [.., parts, BLOCK]. */
  int8_t *numbers;
  /** Sums of a block's whole numbers, times the block's scale. */
  float *sums;
  /** Of one part: a block's scale. */
  float *block_scales;
  /** f32 [tokens], 1 of one part. */
  float *scales;
} Entering;

/** Threads that share phases of work. */
typedef struct {
  _Alignas(64) _Atomic uint64_t ticket;
  _Alignas(64) _Atomic uint32_t done;
  _Alignas(64) _Atomic uint32_t sleepers;
  _Atomic uint32_t epoch, stop;
  _Alignas(64) void (*work)(void *context, int piece);
  void *context;
  int threads;
  void *handles;
} Crew;

/** A piece of attention. */
typedef struct {
  int token, head, chunk;
} Piece;

/** What is computed while pages are chosen, of one layer: [kv_heads, scoring queries, …]. */
typedef struct {
  int8_t *queries;
  float *scales, *scores, *normalisers, *importance;
  int32_t *sums, *positions;
} Choosing;

typedef struct Kernel {
  Crew crew;
  Shape shape;
  /** What matrices, norms and biases lie in. */
  Slab *slabs;
  Layer *layers;
  Part head;
  float *output_norm;
  /** f32 [tokens, …]: residual stream; what products give; what attention gives, or another input before it is rounded. */
  float *residual, *product, *plain;
  int product_stride, plain_stride;
  Entering entering;
  /** f32 [tokens, LOW_STRIDE]: what the adapter's first factors give. */
  float *low;
  /** Queries as numbers of 16 bits, [tokens, heads, dim]; per head: scale, and 128 times their sum. */
  int8_t *queries;
  float *query_scales;
  int32_t *query_sums;
  /** [tokens, kv_heads]: chunks from the first on that the first one's place holds together. */
  int *folded;
  /** f32 [tokens, heads, chunks, PARTIAL + dim]; [tokens, heads, chunks · CHUNK] of layers whose attention is reported. */
  float *partials, *exponentials;
  /** Where the largest logit is that each piece of the last product gave, or -1: [pieces, wanted]. */
  int32_t *tops;
  int chunks;
  Piece *pieces;
  int piece_count;
  size_t partial_room, exponential_room, top_room, piece_room;
  Choosing choosing;
  /** First tokens of pages. */
  int page_start[MOST_TOKENS], page_count;
  /** Those that are open, and closed ones whose memory is kept: memory that was never touched costs as much to write as what is written into it. */
  WorkingSet *sets, *spare;
  /** What runs. */
  Step *step;
  Layer *layer;
  int layer_index, first_part, part_count, added;
} Kernel;

/** Whether the attention of the layer that runs is reported. */
static inline int reports(const Kernel *kernel) { return kernel->step->mass && kernel->layer->evidence >= 0; }

/** Numbers before a chunk's sum of values: the largest score, the sum of exponentials. */
#define PARTIAL 16
/** There, the largest score of the chunk alone, where attention is reported. */
#define OWN_TOP 2

/** Memory that holds anything, and is not touched. */
void *room(size_t bytes);

// threads.c
int crew_start(Crew *crew, int threads);
void crew_end(Crew *crew);
/** Weights of hidden rows are denormal numbers, which take processors a hundred times longer; helpers never compute with them. Returns what restores them. */
unsigned flush_denormals(void);
void restore_denormals(unsigned before);
/** Runs pieces 0 to `pieces` - 1 on all threads, this one among them. */
void share(Crew *crew, void (*work)(void *, int), void *context, int pieces);
/** Pieces of so much work: a long one for each thread, since memory is read ahead best along one line, and short ones so that all end together. */
int pieces_of(int threads, int work, int shortest);
int start_of(int threads, int piece, int work, int shortest);

// pack.c
void slabs_free(Slab *slabs);
/** With zeros up to `padded`. */
float *copy_floats(Slab **slabs, const float *from, size_t count, size_t padded);
void pack_four(Slab **slabs, Part *part, const uint8_t *file);
void pack_eight(Slab **slabs, Part *part, const uint8_t *file);
void pack_floats(Slab **slabs, Part *part, const float *rows);
void unpack_eight(const Part *part, int row, float *out);
void pack_low(Slab **slabs, Part *part, const float *a, const float *b, int rank, float scale);

// product.c
/** Rounds `columns` numbers of token `token` of `entering`. */
void enter(Entering *entering, int token, const float *x);
/** Groups `from` to `to` of a matrix: out[token · stride + row] for all tokens that entered; `low` [tokens, LOW_STRIDE] from the adapter's first factor. */
void multiply(const Part *part, int from, int to, const Entering *entering, const float *low, float *out, size_t stride);
/** Tokens of each tile but the last, which may have fewer: they are spread evenly. */
int tile_length(int tokens);
/** The adapter's first factor for `count` tokens from `token` on, or as many as its tile has: `low` [count, LOW_STRIDE]. */
void lower(const Part *part, const Entering *entering, int token, int count, float *low);

// working-set.c
WorkingSet *working_set_open(Kernel *kernel, int capacity);
void working_set_close(WorkingSet *set);
/** Gives the memory of closed ones back. */
void working_sets_trim(Kernel *kernel);
size_t working_set_bytes(const Shape *shape, int capacity);
/** Copies the first `rows` rows. */
void working_set_copy(const Shape *shape, WorkingSet *to, const WorkingSet *from, int rows);
void write_rows(const Shape *shape, WorkingSet *set, int layer, int head, int from, int to, const float *keys, const float *values, const float *bias);
/** What write_rows takes, as far as eight bits hold it. */
void read_rows(const Shape *shape, const WorkingSet *set, int layer, int head, int from, int to, float *keys, float *values, float *bias);

// fill.c
void kernel_fill(Kernel *kernel, const Filling *filling);

// pages.c
/** Finds the pages of a step. */
void find_pages(Kernel *kernel, const Step *step);
/** Norms the keys of one page and KV head (where the model has such a norm), and encodes them and the values. */
void encode(Kernel *kernel, int page, int head);

// select.c
int open_choice(Kernel *kernel, const Step *step);
void close_choice(Kernel *kernel);
/** Of one layer, in this order, each for all heads: */
void rank_queries(Kernel *kernel, int head);
int spans_of(const Choice *choice);
void score_span(Kernel *kernel, int head, int span);
void normalise(Kernel *kernel, int index);
void weigh_span(Kernel *kernel, int head, int span);
void choose(Kernel *kernel, int head);
void gather_page(Kernel *kernel, int head, int place);

// attention.c
/** Of token `t` and KV head `head`: rotates, appends key and value, rounds queries. */
void append(Kernel *kernel, int t, int head);
/** Attention of some pieces that follow each other. */
void attend(Kernel *kernel, int from, int to);
/** [heads, dim] of token `t`. */
void join(Kernel *kernel, int t, float *out);
/** Attention that the rows of a sequence got, after its tokens were joined. */
void collect(Kernel *kernel, int sequence, int head);

// step.c
Kernel *kernel_create(Shape shape, int threads);
void kernel_destroy(Kernel *kernel);
/** Gives back what closed working sets and long steps took. */
void kernel_trim(Kernel *kernel);
/** Returns whether there was memory for it. */
int kernel_step(Kernel *kernel, Step *step);
