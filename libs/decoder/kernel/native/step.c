#include "kernel.h"
#include "vectors.h"
#include <stdlib.h>

/** Bytes of weights of a short piece of a product, at least: long enough to pay for drawing it. */
#define PIECE_BYTES 32768

static int widest(const Shape *s) {
  int columns = s->hidden > s->feed_forward ? s->hidden : s->feed_forward;
  return columns > s->heads * s->head_dim ? columns : s->heads * s->head_dim;
}

Kernel *kernel_create(Shape shape, int threads) {
  Kernel *kernel = aligned_alloc(64, (sizeof(Kernel) + 63) & ~(size_t)63);
  if (!kernel) return NULL;
  memset(kernel, 0, sizeof *kernel);
  kernel->shape = shape;
  int projected = (shape.heads + 2 * shape.kv_heads) * shape.head_dim;
  int tallest = projected > 2 * shape.feed_forward ? projected : 2 * shape.feed_forward;
  if (tallest < shape.hidden) tallest = shape.hidden;
  kernel->product_stride = (tallest + LANES - 1) / LANES * LANES;
  kernel->plain_stride = widest(&shape);
  size_t blocks = (size_t)MOST_TOKENS * kernel->plain_stride / BLOCK, heads = (size_t)MOST_TOKENS * shape.heads;
  kernel->layers = calloc(shape.layers, sizeof(Layer));
  kernel->residual = room((size_t)MOST_TOKENS * shape.hidden * 4);
  kernel->product = room((size_t)MOST_TOKENS * kernel->product_stride * 4);
  kernel->plain = room((size_t)MOST_TOKENS * kernel->plain_stride * 4);
  kernel->entering.numbers = room(blocks * 2 * BLOCK);
  kernel->entering.sums = room(blocks * 4);
  kernel->entering.block_scales = room(blocks * 4);
  kernel->entering.scales = room(MOST_TOKENS * 4);
  kernel->low = room((size_t)MOST_TOKENS * LOW_STRIDE * 4);
  kernel->queries = room(heads * 2 * shape.head_dim);
  kernel->query_scales = room(heads * 4);
  kernel->query_sums = room(heads * sizeof(int32_t));
  kernel->folded = room((size_t)MOST_TOKENS * shape.kv_heads * sizeof(int));
  int whole = kernel->layers && kernel->residual && kernel->product && kernel->plain && kernel->entering.numbers && kernel->entering.scales &&
    kernel->entering.sums && kernel->entering.block_scales && kernel->low && kernel->queries && kernel->query_scales && kernel->query_sums && kernel->folded;
  if (!whole || !crew_start(&kernel->crew, threads)) {
    kernel_destroy(kernel);
    return NULL;
  }
  return kernel;
}

void kernel_destroy(Kernel *kernel) {
  if (kernel->crew.handles) crew_end(&kernel->crew);
  while (kernel->sets) working_set_close(kernel->sets);
  working_sets_trim(kernel);
  slabs_free(kernel->slabs);
  void *owned[] = { kernel->layers, kernel->residual, kernel->product, kernel->plain, kernel->entering.numbers,
    kernel->entering.scales, kernel->entering.sums, kernel->entering.block_scales, kernel->low, kernel->queries, kernel->query_scales,
    kernel->query_sums, kernel->folded, kernel->partials, kernel->exponentials, kernel->tops, kernel->pieces };
  for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) free(owned[i]);
  free(kernel);
}

void kernel_trim(Kernel *kernel) {
  working_sets_trim(kernel);
  free(kernel->partials);
  free(kernel->exponentials);
  kernel->partials = kernel->exponentials = NULL;
  kernel->partial_room = kernel->exponential_room = 0;
}

// ---- phases: each is given the kernel and a piece ----

static float *plain_of(Kernel *kernel, int t) { return kernel->plain + (size_t)t * kernel->plain_stride; }
static float *product_of(Kernel *kernel, int t) { return kernel->product + (size_t)t * kernel->product_stride; }
static float *low_of(Kernel *kernel, int t, int part) { return kernel->low + (size_t)t * LOW_STRIDE + part * MOST_RANK; }

/** The residual stream takes up what the last product gave. */
static void add(Kernel *kernel, int t) {
  float *x = kernel->residual + (size_t)t * kernel->shape.hidden;
  const float *delta = product_of(kernel, t);
  for (int i = 0; i < kernel->shape.hidden; i += LANES) f_store(x + i, f_add(f_load(x + i), f_load(delta + i)));
}

/** RMSNorm of the residual stream of token `t`. */
static void norm(Kernel *kernel, int t, const float *weight, float *out) {
  const Shape *shape = &kernel->shape;
  rms_norm(kernel->residual + (size_t)t * shape->hidden, shape->hidden, shape->epsilon, weight, out);
}

/** The adapter's first factors of parts that the same input enters, for `count` tokens of a tile. */
static void lower_parts(Kernel *kernel, int t, int count, int first, int parts) {
  for (int i = 0; i < parts; i++) lower(&kernel->layer->parts[first + i], &kernel->entering, t, count, low_of(kernel, t, i));
}

/** Rounds the input of a token for some parts. Of few tokens the first factors are too little work for a phase of their own. */
static void enter_parts(Kernel *kernel, int t, int first, int parts) {
  enter(&kernel->entering, t, plain_of(kernel, t));
  if (kernel->entering.tokens <= TILE) lower_parts(kernel, t, 1, first, parts);
}

static void lower_piece(void *context, int piece) {
  Kernel *kernel = context;
  lower_parts(kernel, piece * tile_length(kernel->entering.tokens), TILE, kernel->first_part, kernel->part_count);
}

static void enter_attention(void *context, int t) {
  Kernel *kernel = context;
  if (kernel->added) add(kernel, t);
  norm(kernel, t, kernel->layer->norms[ATTENTION_NORM], plain_of(kernel, t));
  enter_parts(kernel, t, QUERY, 3);
}

static void enter_output(void *context, int t) {
  Kernel *kernel = context;
  join(kernel, t, plain_of(kernel, t));
  enter_parts(kernel, t, OUTPUT, 1);
}

static void enter_feed_forward(void *context, int t) {
  Kernel *kernel = context;
  add(kernel, t);
  norm(kernel, t, kernel->layer->norms[FEED_FORWARD_NORM], plain_of(kernel, t));
  enter_parts(kernel, t, GATE, 2);
}

/** SwiGLU or GeGLU. */
static void enter_down(void *context, int t) {
  Kernel *kernel = context;
  int columns = kernel->shape.feed_forward;
  const float *x = product_of(kernel, t);
  float *out = plain_of(kernel, t);
  Floats one = f_all(1);
  for (int i = 0; i < columns; i += LANES) {
    Floats v = f_load(x + i), z = v;
    // Both are x times a sigmoid: of x, and of √(8/π) · (x + 0.044715 x³), which is GELU by tanh.
    if (kernel->shape.activation == 1) {
      Floats cubic = f_fma(f_mul(v, v), f_all(0.044715f), one);
      z = f_mul(f_mul(v, f_all(1.5957691216f)), cubic);
    }
    Floats sigmoid = f_div(one, f_add(one, exponential(f_sub(f_all(0), z))));
    f_store(out + i, f_mul(f_mul(v, sigmoid), f_load(x + columns + i)));
  }
  enter_parts(kernel, t, DOWN, 1);
}

static void encode_piece(void *context, int piece) {
  Kernel *kernel = context;
  encode(kernel, piece / kernel->shape.kv_heads, piece % kernel->shape.kv_heads);
}

static void rank_piece(void *context, int head) { rank_queries(context, head); }
static void normalise_piece(void *context, int index) { normalise(context, index); }
static void choose_piece(void *context, int head) { choose(context, head); }

static void score_piece(void *context, int piece) {
  Kernel *kernel = context;
  int spans = spans_of(&kernel->step->choice);
  score_span(kernel, piece / spans, piece % spans);
}

static void weigh_piece(void *context, int piece) {
  Kernel *kernel = context;
  int spans = spans_of(&kernel->step->choice);
  weigh_span(kernel, piece / spans, piece % spans);
}

static void gather_piece(void *context, int piece) {
  Kernel *kernel = context;
  int count = kernel->step->choice.count;
  gather_page(kernel, piece / count, piece % count);
}

/** Chooses the pages of a layer and makes them rows. */
static void select_pages(Kernel *kernel) {
  const Shape *shape = &kernel->shape;
  const Choice *choice = &kernel->step->choice;
  Crew *crew = &kernel->crew;
  int heads = shape->kv_heads, spans = spans_of(choice);
  share(crew, rank_piece, kernel, heads);
  share(crew, score_piece, kernel, heads * spans);
  share(crew, normalise_piece, kernel, shape->heads * choice->scored_count);
  share(crew, weigh_piece, kernel, heads * spans);
  share(crew, choose_piece, kernel, heads);
  share(crew, gather_piece, kernel, heads * choice->count);
}

static void append_piece(void *context, int piece) {
  Kernel *kernel = context;
  append(kernel, piece / kernel->shape.kv_heads, piece % kernel->shape.kv_heads);
}

static void attend_piece(void *context, int piece) {
  Kernel *kernel = context;
  int threads = kernel->crew.threads, end = start_of(threads, piece + 1, kernel->piece_count, 1);
  attend(kernel, start_of(threads, piece, kernel->piece_count, 1), end);
}

static void collect_piece(void *context, int piece) {
  Kernel *kernel = context;
  collect(kernel, piece / kernel->shape.kv_heads, piece % kernel->shape.kv_heads);
}

static int groups_of(const Part *parts, int count) {
  int groups = 0;
  for (int i = 0; i < count; i++) groups += parts[i].groups;
  return groups;
}

static int shortest(const Part *parts) {
  int groups = PIECE_BYTES / (parts->blocks * FOUR_BYTES);
  return groups > 1 ? groups : 1;
}

/** Groups of rows of parts that follow each other, as if they were one. */
static void product_piece(void *context, int piece) {
  Kernel *kernel = context;
  const Part *parts = &kernel->layer->parts[kernel->first_part];
  int count = kernel->part_count, threads = kernel->crew.threads, work = groups_of(parts, count), least = shortest(parts);
  int from = start_of(threads, piece, work, least), to = start_of(threads, piece + 1, work, least);
  float *out = kernel->product;
  for (int i = 0, before = 0; i < count; out += parts[i].rows, before += parts[i].groups, i++) {
    int start = from > before ? from - before : 0, end = to - before < parts[i].groups ? to - before : parts[i].groups;
    if (start < end) multiply(&parts[i], start, end, &kernel->entering, low_of(kernel, 0, i), out, kernel->product_stride);
  }
}

static void product(Kernel *kernel, int first, int count) {
  const Part *parts = &kernel->layer->parts[first];
  kernel->first_part = first;
  kernel->part_count = count;
  int tokens = kernel->entering.tokens, length = tile_length(tokens);
  if (tokens > TILE) share(&kernel->crew, lower_piece, kernel, (tokens + length - 1) / length);
  int threads = kernel->crew.threads;
  share(&kernel->crew, product_piece, kernel, pieces_of(threads, groups_of(parts, count), shortest(parts)));
}

static void enter_head(void *context, int t) {
  Kernel *kernel = context;
  int wanted = kernel->step->token[t].logits;
  if (wanted < 0) return;
  add(kernel, t);
  norm(kernel, t, kernel->output_norm, plain_of(kernel, wanted));
  enter(&kernel->entering, wanted, plain_of(kernel, wanted));
}

/** The first place of the largest of `count` numbers; -1 where one is no finite number. */
static int find_top(const float *x, int count) {
  Floats most = f_all(-INFINITY);
  Wholes places = w_all(0), magnitudes = w_all(0);
  int i = 0;
  for (; i + LANES <= count; i += LANES) {
    Floats v = f_load(x + i);
    Lanes more = f_more(v, most);
    places = w_choose(more, w_all(i), places);
    most = f_choose(more, v, most);
    magnitudes = w_max(magnitudes, magnitude(v));
  }
  float values[LANES];
  int32_t at[LANES];
  f_store(values, most);
  w_store(at, places);
  int finite = isfinite(largest(magnitudes)), best = 0;
  for (int lane = 0; lane < LANES; lane++) {
    at[lane] += lane;
    if (values[lane] > values[best] || (values[lane] == values[best] && at[lane] < at[best])) best = lane;
  }
  int place = at[best];
  for (; i < count; i++) {
    finite = finite && isfinite(x[i]);
    if (x[i] > x[place]) place = i;
  }
  return finite ? place : -1;
}

static void head_piece(void *context, int piece) {
  Kernel *kernel = context;
  const Step *step = kernel->step;
  int threads = kernel->crew.threads, work = kernel->head.groups, least = shortest(&kernel->head), vocabulary = kernel->shape.vocabulary;
  int from = start_of(threads, piece, work, least), to = start_of(threads, piece + 1, work, least);
  multiply(&kernel->head, from, to, &kernel->entering, kernel->low, step->logits, vocabulary);
  if (!step->best) return;
  int first = from * LANES, end = to * LANES < vocabulary ? to * LANES : vocabulary;
  for (int i = 0; i < step->wanted; i++) {
    int place = find_top(step->logits + (size_t)i * vocabulary + first, end - first);
    kernel->tops[(size_t)piece * step->wanted + i] = place < 0 ? -1 : first + place;
  }
}

static int head_pieces(const Kernel *kernel) { return pieces_of(kernel->crew.threads, kernel->head.groups, shortest(&kernel->head)); }

/** The best of what all pieces gave, which follow each other as logits do. */
static void find_best(const Kernel *kernel, const Step *step) {
  int pieces = head_pieces(kernel);
  for (int i = 0; i < step->wanted; i++) {
    const float *logits = step->logits + (size_t)i * kernel->shape.vocabulary;
    int32_t best = kernel->tops[i];
    for (int piece = 1; piece < pieces && best >= 0; piece++) {
      int32_t top = kernel->tops[(size_t)piece * step->wanted + i];
      if (top < 0 || logits[top] > logits[best]) best = top;
    }
    step->best[i] = best;
  }
}

static void set_columns(Kernel *kernel, int tokens, int columns) {
  kernel->entering.tokens = tokens;
  kernel->entering.blocks = columns / BLOCK;
}

/** A buffer with place for `count` things of `size` bytes: this one, or another in its stead. NULL where there is no memory. */
static void *reach(void *buffer, size_t *place, size_t count, size_t size) {
  if (count <= *place) return buffer;
  free(buffer);
  *place = count + count / 4;
  buffer = room(*place * size);
  if (!buffer) *place = 0;
  return buffer;
}

/** Pieces of attention, and room for what they give. */
static int plan(Kernel *kernel, const Step *step) {
  const Shape *shape = &kernel->shape;
  int most = 0, count = 0;
  for (int t = 0; t < step->tokens; t++) {
    int chunks = chunks_of(&step->token[t]);
    if (chunks > most) most = chunks;
    count += chunks * shape->kv_heads;
  }
  kernel->chunks = most;
  size_t scores = (size_t)step->tokens * shape->heads * most;
  kernel->partials = reach(kernel->partials, &kernel->partial_room, scores * (PARTIAL + shape->head_dim), sizeof(float));
  kernel->pieces = reach(kernel->pieces, &kernel->piece_room, count, sizeof(Piece));
  if (!kernel->partials || !kernel->pieces) return 0;
  if (step->mass && !(kernel->exponentials = reach(kernel->exponentials, &kernel->exponential_room, scores * CHUNK, sizeof(float)))) return 0;
  if (step->best && step->wanted && !(kernel->tops = reach(kernel->tops, &kernel->top_room, (size_t)head_pieces(kernel) * step->wanted, sizeof(int32_t)))) return 0;
  find_pages(kernel, step);
  kernel->piece_count = 0;
  for (int t = 0; t < step->tokens; t++)
    for (int head = 0; head < shape->kv_heads; head++)
      for (int chunk = 0; chunk < chunks_of(&step->token[t]); chunk++) kernel->pieces[kernel->piece_count++] = (Piece){ t, head, chunk };
  return 1;
}

static void run_layers(Kernel *kernel, Step *step) {
  const Shape *shape = &kernel->shape;
  Crew *crew = &kernel->crew;
  int T = step->tokens, attention = shape->heads * shape->head_dim;
  memcpy(kernel->residual, step->embeddings, (size_t)T * shape->hidden * 4);
  for (int i = 0; i < shape->layers; i++) {
    kernel->layer = &kernel->layers[i];
    kernel->layer_index = i;
    kernel->added = i > 0;
    set_columns(kernel, T, shape->hidden);
    share(crew, enter_attention, kernel, T);
    product(kernel, QUERY, 3);
    if (step->pages.keys) {
      share(crew, encode_piece, kernel, kernel->page_count * shape->kv_heads);
      // Pages of the last layer are all that is wanted of it.
      if (i == shape->layers - 1) return;
    }
    if (step->choice.planes) select_pages(kernel);
    share(crew, append_piece, kernel, T * shape->kv_heads);
    share(crew, attend_piece, kernel, pieces_of(crew->threads, kernel->piece_count, 1));
    set_columns(kernel, T, attention);
    share(crew, enter_output, kernel, T);
    if (reports(kernel)) share(crew, collect_piece, kernel, step->sequences * shape->kv_heads);
    product(kernel, OUTPUT, 1);
    set_columns(kernel, T, shape->hidden);
    share(crew, enter_feed_forward, kernel, T);
    product(kernel, GATE, 2);
    set_columns(kernel, T, shape->feed_forward);
    share(crew, enter_down, kernel, T);
    product(kernel, DOWN, 1);
  }
  if (step->wanted == 0) return;
  set_columns(kernel, step->wanted, shape->hidden);
  share(crew, enter_head, kernel, T);
  share(crew, head_piece, kernel, head_pieces(kernel));
  if (step->best) find_best(kernel, step);
}

int kernel_step(Kernel *kernel, Step *step) {
  kernel->step = step;
  // Pages are rounded to eight bits themselves.
  kernel->entering.parts = step->pages.keys ? 1 : 2;
  int choosing = step->choice.planes != NULL, ready = plan(kernel, step) && (!choosing || open_choice(kernel, step));
  unsigned before = flush_denormals();
  if (ready) run_layers(kernel, step);
  restore_denormals(before);
  if (choosing) close_choice(kernel);
  return ready;
}
