#include "kernel.h"
#include <node_api.h>
#include <string.h>

// What TypeScript (native-kernel.ts) calls. It is the only caller and gives what is described there; sizes are checked where a mistake would write
// beyond memory.

#define ARGUMENTS(count) \
  napi_value argument[count]; \
  size_t given = count; \
  if (napi_get_cb_info(env, info, &given, argument, NULL, NULL) != napi_ok || given < count) return failed(env, "arguments are missing")

static napi_value failed(napi_env env, const char *message) {
  napi_throw_error(env, NULL, message);
  return NULL;
}

static int32_t integer(napi_env env, napi_value value) {
  int32_t number = 0;
  napi_get_value_int32(env, value, &number);
  return number;
}

static double real(napi_env env, napi_value value) {
  double number = 0;
  napi_get_value_double(env, value, &number);
  return number;
}

static void *pointer(napi_env env, napi_value value) {
  void *data = NULL;
  napi_get_value_external(env, value, &data);
  return data;
}

/** Numbers of a typed array; NULL of anything else. */
static void *array(napi_env env, napi_value value, size_t *length) {
  bool is = false;
  void *data = NULL;
  *length = 0;
  if (napi_is_typedarray(env, value, &is) != napi_ok || !is) return NULL;
  napi_get_typedarray_info(env, value, NULL, length, &data, NULL, NULL);
  return data;
}

/** A thread may end without a word; what it holds is given back. */
static void end(void *kernel) { kernel_destroy(kernel); }

/** (sizes of Shape as Int32Array, epsilon, threads) → kernel */
static napi_value create(napi_env env, napi_callback_info info) {
  ARGUMENTS(3);
  size_t count;
  const int32_t *size = array(env, argument[0], &count);
  if (!size || count != 8) return failed(env, "the model's sizes are eight numbers");
  if (integer(env, argument[2]) < 1) return failed(env, "a kernel has one thread at least");
  Shape shape = { size[0], size[1], size[2], size[3], size[4], size[5], size[6], size[7], (float)real(env, argument[1]) };
  Kernel *kernel = kernel_create(shape, integer(env, argument[2]));
  if (!kernel) return failed(env, "no memory, or no threads");
  napi_value result;
  napi_create_external(env, kernel, NULL, NULL, &result);
  napi_add_env_cleanup_hook(env, end, kernel);
  return result;
}

/** (kernel) */
static napi_value destroy(napi_env env, napi_callback_info info) {
  ARGUMENTS(1);
  Kernel *kernel = pointer(env, argument[0]);
  napi_remove_env_cleanup_hook(env, end, kernel);
  kernel_destroy(kernel);
  return NULL;
}

/** (kernel, layer or -1 for the head, part, format 0: four bits, 1: eight, 2: floats, rows, columns, data, bias, first factor, second factor, scale) */
static napi_value set_part(napi_env env, napi_callback_info info) {
  ARGUMENTS(11);
  Kernel *kernel = pointer(env, argument[0]);
  int layer = integer(env, argument[1]), format = integer(env, argument[3]);
  Part *part = layer < 0 ? &kernel->head : &kernel->layers[layer].parts[integer(env, argument[2])];
  part->rows = integer(env, argument[4]);
  part->blocks = integer(env, argument[5]) / BLOCK;
  size_t length, biases, firsts, seconds, numbers = (size_t)part->rows * part->blocks;
  const void *data = array(env, argument[6], &length);
  const float *bias = array(env, argument[7], &biases), *a = array(env, argument[8], &firsts), *b = array(env, argument[9], &seconds);
  static const size_t block_length[] = { 4 + BLOCK / 2, 2 + BLOCK, BLOCK };
  if (!data || length != numbers * block_length[format]) return failed(env, "weights of another size than rows and columns say");
  if (format == 0) pack_four(&kernel->slabs, part, data);
  else if (format == 1) pack_eight(&kernel->slabs, part, data);
  else pack_floats(&kernel->slabs, part, data);
  if (bias && biases == (size_t)part->rows) part->bias = copy_floats(&kernel->slabs, bias, biases, part->groups * LANES);
  if (a && b) {
    int rank = seconds / part->rows;
    if (rank > MOST_RANK || firsts != (size_t)rank * part->blocks * BLOCK) return failed(env, "an adapter of another size");
    pack_low(&kernel->slabs, part, a, b, rank, (float)real(env, argument[10]));
    if (!part->rank) return failed(env, "no memory for the adapter");
  }
  return part->weights ? NULL : failed(env, "no memory for weights");
}

/** (kernel, layer or -1 for the last norm, which, weight) */
static napi_value set_norm(napi_env env, napi_callback_info info) {
  ARGUMENTS(4);
  Kernel *kernel = pointer(env, argument[0]);
  int layer = integer(env, argument[1]);
  size_t length;
  const float *weight = array(env, argument[3], &length);
  float *copied = weight ? copy_floats(&kernel->slabs, weight, length, length + LANES) : NULL;
  if (!copied) return failed(env, "no weight of a norm");
  if (layer < 0) kernel->output_norm = copied;
  else kernel->layers[layer].norms[integer(env, argument[2])] = copied;
  return NULL;
}

/** (kernel, layer, number among the layers whose attention is reported or -1) */
static napi_value set_evidence(napi_env env, napi_callback_info info) {
  ARGUMENTS(3);
  Kernel *kernel = pointer(env, argument[0]);
  kernel->layers[integer(env, argument[1])].evidence = integer(env, argument[2]);
  return NULL;
}

/** (kernel): gives memory back that no working set needs now */
static napi_value trim(napi_env env, napi_callback_info info) {
  ARGUMENTS(1);
  kernel_trim(pointer(env, argument[0]));
  return NULL;
}

/** (kernel, capacity) → working set, of that capacity or a larger one */
static napi_value open_set(napi_env env, napi_callback_info info) {
  ARGUMENTS(2);
  Kernel *kernel = pointer(env, argument[0]);
  WorkingSet *set = working_set_open(kernel, integer(env, argument[1]));
  if (!set) return failed(env, "no memory for a working set");
  napi_value result;
  napi_create_external(env, set, NULL, NULL, &result);
  return result;
}

/** (working set) */
static napi_value close_set(napi_env env, napi_callback_info info) {
  ARGUMENTS(1);
  working_set_close(pointer(env, argument[0]));
  return NULL;
}

#define MOST_LAYERS 256

/** Keys and values of all layers from two arrays of typed arrays; 0 where one has fewer than `least` numbers. */
static int read_layers(napi_env env, const napi_value *argument, int layers, size_t least, float **keys, float **values) {
  for (int i = 0; i < 2 * layers; i++) {
    napi_value plane;
    size_t length;
    if (napi_get_element(env, argument[i / layers], i % layers, &plane) != napi_ok) return 0;
    float *numbers = array(env, plane, &length);
    if (!numbers || length < least) return 0;
    if (i < layers) keys[i] = numbers;
    else values[i - layers] = numbers;
  }
  return 1;
}

/** Rows `from` to `to` of the working set, and of slot `slot` of an arena, keys and values [slots, kv_heads, capacity, dim], bias [slots, layers, kv_heads, capacity]. */
static napi_value move_rows(napi_env env, napi_callback_info info, int out) {
  ARGUMENTS(9);
  Kernel *kernel = pointer(env, argument[0]);
  WorkingSet *set = pointer(env, argument[1]);
  const Shape *shape = &kernel->shape;
  float *keys[MOST_LAYERS], *values[MOST_LAYERS];
  int capacity = integer(env, argument[5]), slot = integer(env, argument[6]), from = integer(env, argument[7]), to = integer(env, argument[8]);
  size_t biases, rows = (size_t)(slot + 1) * shape->kv_heads * capacity;
  float *bias = array(env, argument[4], &biases);
  if (from < 0 || to > capacity || to > set->capacity || biases < rows * shape->layers) return failed(env, "no rows to copy");
  if (!read_layers(env, argument + 2, shape->layers, rows * shape->head_dim, keys, values)) return failed(env, "no room for rows");
  for (int layer = 0; layer < shape->layers; layer++)
    for (int head = 0; head < shape->kv_heads; head++) {
      size_t at = ((size_t)(slot * shape->kv_heads + head) * capacity + from) * shape->head_dim;
      float *hidden = bias + (size_t)((slot * shape->layers + layer) * shape->kv_heads + head) * capacity + from;
      if (out) read_rows(shape, set, layer, head, from, to, keys[layer] + at, values[layer] + at, hidden);
      else write_rows(shape, set, layer, head, from, to, keys[layer] + at, values[layer] + at, hidden);
    }
  return NULL;
}

/** (kernel, working set, keys, values, bias, capacity, slot, from, to): copies rows of an arena to the working set */
static napi_value write_set(napi_env env, napi_callback_info info) { return move_rows(env, info, 0); }

/** The same, from the working set to the arena */
static napi_value read_set(napi_env env, napi_callback_info info) { return move_rows(env, info, 1); }

/** (kernel, working set, another, rows): copies its first rows to the other */
static napi_value copy_set(napi_env env, napi_callback_info info) {
  ARGUMENTS(4);
  Kernel *kernel = pointer(env, argument[0]);
  WorkingSet *from = pointer(env, argument[1]), *to = pointer(env, argument[2]);
  int rows = integer(env, argument[3]);
  if (rows < 0 || rows > from->capacity || rows > to->capacity) return failed(env, "no room for rows");
  working_set_copy(&kernel->shape, to, from, rows);
  return NULL;
}

/** Whether what the answer rests on, which is written where `mass` is, fits into `room` numbers. */
static int fits_mass(const Kernel *kernel, const Step *step, size_t room) {
  size_t reporting = 0;
  if (!step->mass) return 1;
  for (int layer = 0; layer < kernel->shape.layers; layer++) reporting += kernel->layers[layer].evidence >= 0;
  for (int i = 0; i < step->sequences; i++)
    if (step->sequence[i].length > step->mass_capacity) return 0;
  return reporting * step->sequences * kernel->shape.kv_heads * step->mass_capacity <= room;
}

/** (kernel, working sets, rows of each, [sequence, row, row of logits] of each token, embeddings, phases, logits, mass, its capacity, likeliest) */
static napi_value step(napi_env env, napi_callback_info info) {
  ARGUMENTS(10);
  Kernel *kernel = pointer(env, argument[0]);
  Step step = { 0 };
  size_t sequences, tokens, numbers, phases, logits, mass, best;
  const int32_t *length = array(env, argument[2], &sequences), *token = array(env, argument[3], &tokens);
  step.sequences = sequences;
  step.tokens = tokens / 3;
  step.embeddings = array(env, argument[4], &numbers);
  step.phases = array(env, argument[5], &phases);
  step.logits = array(env, argument[6], &logits);
  step.mass = array(env, argument[7], &mass);
  step.mass_capacity = integer(env, argument[8]);
  step.best = array(env, argument[9], &best);
  const Shape *shape = &kernel->shape;
  if (!length || !token) return failed(env, "no tokens");
  if (step.tokens > MOST_TOKENS || step.sequences > MOST_TOKENS) return failed(env, "too many tokens");
  if (numbers < (size_t)step.tokens * shape->hidden || phases < (size_t)step.tokens * shape->head_dim) return failed(env, "too few embeddings");
  for (int i = 0; i < step.sequences; i++) {
    napi_value set;
    napi_get_element(env, argument[1], i, &set);
    step.sequence[i] = (Sequence){ .set = pointer(env, set), .length = length[i] };
  }
  for (int t = 0; t < step.tokens; t++, token += 3) {
    step.token[t] = (Token){ token[0], token[1], token[2] };
    if (token[0] < 0 || token[0] >= step.sequences) return failed(env, "a sequence that is none");
    if (token[1] < 0 || token[1] >= step.sequence[token[0]].set->capacity) return failed(env, "a row beyond the working set");
    if (token[2] >= step.wanted) step.wanted = token[2] + 1;
  }
  if (logits < (size_t)step.wanted * shape->vocabulary || best < (size_t)step.wanted) return failed(env, "no room for logits");
  if (!fits_mass(kernel, &step, mass)) return failed(env, "no room for attention");
  if (!kernel_step(kernel, &step)) return failed(env, "no memory for a step");
  return NULL;
}

/** (kernel, empty working set, embeddings, phases, keys, values): what tokens that nothing stands before become, per layer [kv_heads, tokens, dim] */
static napi_value prefix(napi_env env, napi_callback_info info) {
  ARGUMENTS(6);
  Kernel *kernel = pointer(env, argument[0]);
  const Shape *shape = &kernel->shape;
  float *keys[MOST_LAYERS], *values[MOST_LAYERS];
  Step step = { 0 };
  size_t numbers, phases;
  step.sequence[0].set = pointer(env, argument[1]);
  step.embeddings = array(env, argument[2], &numbers);
  step.phases = array(env, argument[3], &phases);
  step.sequences = 1;
  step.tokens = numbers / shape->hidden;
  if (step.tokens < 1 || step.tokens > MOST_TOKENS || step.tokens > step.sequence[0].set->capacity) return failed(env, "too many tokens, or none");
  size_t least = (size_t)shape->kv_heads * step.tokens * shape->head_dim;
  if (phases < (size_t)step.tokens * shape->head_dim) return failed(env, "too few phases");
  if (!read_layers(env, argument + 4, shape->layers, least, keys, values)) return failed(env, "no room for rows");
  step.exact = (Exact){ keys, values, step.tokens };
  for (int t = 0; t < step.tokens; t++) step.token[t] = (Token){ 0, t, -1 };
  if (!kernel_step(kernel, &step)) return failed(env, "no memory for a step");
  return NULL;
}

/**
 * (kernel, working sets, [segment, rows before it, rows before the step] of each, [sequence, row, unused] of each token, embeddings, phases,
 * keys, values, scales of keys, scales of values, segments, rows of each): pages of segments, see Pages in kernel.h
 */
static napi_value prefill(napi_env env, napi_callback_info info) {
  ARGUMENTS(12);
  Kernel *kernel = pointer(env, argument[0]);
  const Shape *shape = &kernel->shape;
  Step step = { 0 };
  Pages *pages = &step.pages;
  size_t places, tokens, numbers, phases, keys, values, key_scales, value_scales;
  const int32_t *place = array(env, argument[2], &places), *token = array(env, argument[3], &tokens);
  step.sequences = places / 3;
  step.tokens = tokens / 3;
  step.embeddings = array(env, argument[4], &numbers);
  step.phases = array(env, argument[5], &phases);
  pages->keys = array(env, argument[6], &keys);
  pages->values = array(env, argument[7], &values);
  pages->key_scales = array(env, argument[8], &key_scales);
  pages->value_scales = array(env, argument[9], &value_scales);
  pages->segments = integer(env, argument[10]);
  pages->rows = integer(env, argument[11]);
  if (!place || !token || step.tokens > MOST_TOKENS || step.sequences > MOST_TOKENS) return failed(env, "too many tokens, or none");
  if (numbers < (size_t)step.tokens * shape->hidden || phases < (size_t)step.tokens * shape->head_dim) return failed(env, "too few embeddings");
  size_t rows = (size_t)shape->layers * pages->segments * shape->kv_heads * pages->rows, room = rows * shape->head_dim;
  if (pages->rows % PAGE || keys < room || values < room || value_scales < rows || key_scales < rows / PAGE) return failed(env, "no room for pages");
  for (int i = 0; i < step.sequences; i++, place += 3) {
    napi_value set;
    napi_get_element(env, argument[1], i, &set);
    if (place[0] < 0 || place[0] >= pages->segments) return failed(env, "a segment that is none");
    step.sequence[i] = (Sequence){ .set = pointer(env, set), .segment = place[0], .before = place[1], .length = place[2] };
  }
  for (int t = 0; t < step.tokens; t++, token += 3) {
    if (token[0] < 0 || token[0] >= step.sequences) return failed(env, "a segment that is none");
    const Sequence *sequence = &step.sequence[token[0]];
    step.token[t] = (Token){ token[0], token[1], -1 };
    if (token[1] < sequence->before || token[1] >= sequence->set->capacity || token[1] - sequence->before >= pages->rows) return failed(env, "a row beyond the segment");
  }
  if (!kernel_step(kernel, &step)) return failed(env, "no memory for a step");
  return NULL;
}

/** Planes of all layers from four arrays of typed arrays; 0 where one is too small. */
static int read_planes(napi_env env, const napi_value *argument, const Shape *shape, int total, Planes *planes) {
  size_t pages = (size_t)shape->kv_heads * total, numbers = pages * PAGE * shape->head_dim;
  const size_t least[] = { numbers, pages, numbers, pages * PAGE };
  for (int layer = 0; layer < shape->layers; layer++) {
    void *plane[4];
    for (int i = 0; i < 4; i++) {
      napi_value value;
      size_t length;
      if (napi_get_element(env, argument[i], layer, &value) != napi_ok) return 0;
      if (!(plane[i] = array(env, value, &length)) || length < least[i]) return 0;
    }
    planes[layer] = (Planes){ .keys = plane[0], .key_scales = plane[1], .values = plane[2], .value_scales = plane[3] };
  }
  return 1;
}

/** Whether all pages are in the planes, with as many tokens as fit. */
static int are_pages(const int32_t *pages, const uint8_t *tokens, size_t count, int total) {
  for (size_t i = 0; i < count; i++)
    if (pages[i] < 0 || pages[i] >= total || tokens[i] > PAGE) return 0;
  return 1;
}

/**
 * (kernel, working set, first row, phases of all positions, pages, tokens of each, planes: keys, their scales, values, their scales, pages in them): pages
 * become rows, see Filling in kernel.h
 */
static napi_value fill(napi_env env, napi_callback_info info) {
  ARGUMENTS(11);
  Kernel *kernel = pointer(env, argument[0]);
  const Shape *shape = &kernel->shape;
  Planes planes[MOST_LAYERS];
  Filling filling = { .set = pointer(env, argument[1]), .row = integer(env, argument[2]), .total = integer(env, argument[10]), .planes = planes };
  size_t phases, pages, sizes, rows = filling.row;
  filling.phases = array(env, argument[3], &phases);
  filling.pages = array(env, argument[4], &pages);
  filling.tokens = array(env, argument[5], &sizes);
  filling.count = pages;
  if (!read_planes(env, argument + 6, shape, filling.total, planes)) return failed(env, "no pages");
  if (sizes < pages || !are_pages(filling.pages, filling.tokens, pages, filling.total)) return failed(env, "a page that is none");
  for (size_t i = 0; i < pages; i++) rows += filling.tokens[i];
  if (filling.row < 0 || rows > (size_t)filling.set->capacity || shape->head_dim > MOST_DIM) return failed(env, "a row beyond the working set");
  if (phases < rows * shape->head_dim) return failed(env, "too few phases");
  kernel_fill(kernel, &filling);
  return NULL;
}

/**
 * (kernel, working set, rows before the chosen ones, embeddings, phases of all positions, pages, tokens of each, prior, tokens that score, pages to keep,
 * planes: keys, their scales, values, their scales, pages in them, logits, mass, its capacity, chosen): a question chooses pages, see Choice in kernel.h;
 * its tokens stand after them
 */
static napi_value select_pages(napi_env env, napi_callback_info info) {
  ARGUMENTS(19);
  Kernel *kernel = pointer(env, argument[0]);
  const Shape *shape = &kernel->shape;
  Planes planes[MOST_LAYERS];
  Step step = { 0 };
  Choice *choice = &step.choice;
  size_t numbers, phases, candidates, sizes, priors, scored, logits, mass, chosen;
  WorkingSet *set = pointer(env, argument[1]);
  choice->before = integer(env, argument[2]);
  step.embeddings = array(env, argument[3], &numbers);
  choice->phases = array(env, argument[4], &phases);
  choice->pages = array(env, argument[5], &candidates);
  choice->tokens = array(env, argument[6], &sizes);
  choice->prior = array(env, argument[7], &priors);
  choice->scored = array(env, argument[8], &scored);
  choice->count = integer(env, argument[9]);
  choice->total = integer(env, argument[14]);
  step.logits = array(env, argument[15], &logits);
  step.mass = array(env, argument[16], &mass);
  step.mass_capacity = integer(env, argument[17]);
  choice->chosen = array(env, argument[18], &chosen);
  choice->candidates = candidates;
  choice->scored_count = scored;
  choice->planes = planes;
  if (!read_planes(env, argument + 10, shape, choice->total, planes)) return failed(env, "no pages");
  int rows = choice->before + choice->count * PAGE;
  step.tokens = numbers / shape->hidden;
  step.sequences = step.wanted = 1;
  if (step.tokens < 1 || step.tokens > MOST_TOKENS || scored < 1 || shape->head_dim > MOST_DIM) return failed(env, "no tokens that score, or too many");
  if (choice->count < 1 || (size_t)choice->count > candidates || sizes < candidates || priors < candidates) return failed(env, "no pages to choose from");
  if (rows + step.tokens > set->capacity) return failed(env, "a row beyond the working set");
  if (phases < (size_t)(rows + step.tokens) * shape->head_dim || logits < (size_t)shape->vocabulary) return failed(env, "no room for logits");
  if (chosen < (size_t)shape->layers * shape->kv_heads * choice->count) return failed(env, "no room for what is chosen");
  if (!are_pages(choice->pages, choice->tokens, candidates, choice->total)) return failed(env, "a page that is none");
  for (size_t i = 0; i < scored; i++)
    if (choice->scored[i] < 0 || choice->scored[i] >= step.tokens) return failed(env, "a token that is none");
  step.phases = choice->phases + (size_t)rows * shape->head_dim;
  step.sequence[0] = (Sequence){ .set = set, .length = rows };
  if (!fits_mass(kernel, &step, mass)) return failed(env, "no room for attention");
  for (int t = 0; t < step.tokens; t++) step.token[t] = (Token){ 0, rows + t, t == step.tokens - 1 ? 0 : -1 };
  if (!kernel_step(kernel, &step)) return failed(env, "no memory for a step");
  return NULL;
}

/** (kernel, token, floats, first of those that are written): the row of the table of words, which the last product multiplies by */
static napi_value embed(napi_env env, napi_callback_info info) {
  ARGUMENTS(4);
  Kernel *kernel = pointer(env, argument[0]);
  size_t length;
  float *out = array(env, argument[2], &length);
  int token = integer(env, argument[1]), at = integer(env, argument[3]);
  const Part *words = &kernel->head;
  if (!out || token < 0 || token >= words->rows || at < 0 || (size_t)at + words->blocks * BLOCK > length) return failed(env, "no room for an embedding");
  unpack_eight(words, token, out + at);
  return NULL;
}

/** Whether this processor has what the rest is compiled for. */
static napi_value supported(napi_env env, napi_callback_info info) {
  (void)info;
  bool all = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
#if LANES == 16
  all = all && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
    __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vnni");
#endif
  napi_value result;
  napi_get_boolean(env, all, &result);
  return result;
}

NAPI_MODULE_INIT() {
  static const struct { const char *name; napi_callback call; } calls[] = {
    { "supported", supported }, { "create", create }, { "destroy", destroy }, { "setPart", set_part }, { "setNorm", set_norm },
    { "setEvidence", set_evidence }, { "openSet", open_set }, { "closeSet", close_set }, { "trim", trim }, { "writeSet", write_set },
    { "readSet", read_set }, { "copySet", copy_set }, { "fill", fill }, { "step", step }, { "prefix", prefix }, { "prefill", prefill }, { "select", select_pages }, { "embed", embed },
  };
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
    napi_value function;
    if (napi_create_function(env, calls[i].name, NAPI_AUTO_LENGTH, calls[i].call, NULL, &function) != napi_ok) return NULL;
    napi_set_named_property(env, exports, calls[i].name, function);
  }
  return exports;
}
