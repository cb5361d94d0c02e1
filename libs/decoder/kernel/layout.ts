/**
 * Where the kernel and the TypeScript around it find things in their shared memory. Both compile this file: it holds
 * constants alone. Addresses are bytes; everything is 32 bits wide unless it says otherwise.
 */

/** Vector constants that the kernel keeps in memory: 16 bytes each. */
export const CONSTANTS = 256;

/**
 * What the threads share, each on a cache line of its own. TICKET is the phase that runs: its number, how many pieces of work it has, and the
 * next one, TICKET_BITS each for the last two.
 */
export const TICKET = 1024;
/** Pieces of the phase that are done. */
export const DONE = 1088;
/** Helpers that sleep until TICKET changes; whether the first thread sleeps until DONE does. */
export const SLEEPERS = 1152;
export const WAITING = 1156;
export const STOP = 1160;
/** What a phase computes, of which layer, and that layer's place in the table. */
export const PHASE = 1216;
export const PHASE_LAYER = 1220;
export const PHASE_TABLE = 1224;
export const TICKET_BITS = 11;

/** The model. */
export const MODEL = 1344;
export const THREADS = MODEL;
export const HIDDEN = MODEL + 4;
export const HEADS = MODEL + 8;
export const KV_HEADS = MODEL + 12;
export const HEAD_DIM = MODEL + 16;
export const FEED_FORWARD = MODEL + 20;
export const LAYERS = MODEL + 24;
/** 0: SiLU, 1: GELU by tanh. */
export const ACTIVATION = MODEL + 28;
/** f32. */
export const EPSILON = MODEL + 32;
/** Table of layers, LAYER_BYTES each. */
export const LAYER_TABLE = MODEL + 36;
/** f32 [hidden]. */
export const OUTPUT_NORM = MODEL + 40;
/** The part that gives logits. */
export const HEAD_PART = MODEL + 44;

/** The step that runs. */
export const STEP = 1472;
/** Rows of the working set before the new token. */
export const LENGTH = STEP;
/** Rows that the working set has room for, a multiple of CHUNK. */
export const CAPACITY = STEP + 4;
/** Keys, values and scales of the working set, see working-set.ts. */
export const WORKING_SET = STEP + 8;

/** Addresses of buffers. */
export const BUFFERS = 1536;
/** f32 [hidden]: the embedding, then the residual stream. */
export const RESIDUAL = BUFFERS;
/** f32 [headDim]: cosines, then sines of the token's position. */
export const PHASES = BUFFERS + 4;
/** f32: what a product gives; at last the logits. */
export const PRODUCT = BUFFERS + 8;
/** f32: what enters a product, before it is rounded. */
export const ENTERING = BUFFERS + 12;
/** i16: the same, rounded; in each block of 32 in the order of a block of four bits. */
export const ROUNDED = BUFFERS + 16;
/** f32: its scale. */
export const ROUNDED_SCALE = BUFFERS + 20;
/** f32: sums of its blocks. */
export const SUMS = BUFFERS + 24;
/** i16 [LOW_RANKS]: what the adapter's first factor gives, of the parts that are computed together. */
export const LOW = BUFFERS + 28;
/** i16 [heads, headDim] and f32 [heads]: rounded queries and their scales. */
export const QUERIES = BUFFERS + 32;
export const QUERY_SCALES = BUFFERS + 36;
/** f32 [heads, chunks, PARTIAL + headDim]: attention of each chunk of rows. */
export const PARTIALS = BUFFERS + 40;
/** f32 [heads, capacity]: exponentials of the scores, of layers whose attention is reported. */
export const EXPONENTIALS = BUFFERS + 44;
/** f32 [evidence layers, kvHeads, capacity]. */
export const MASS = BUFFERS + 48;
/** f32 [layers, kvHeads, headDim] each: keys (rotated) and values of the new token. */
export const NEW_KEYS = BUFFERS + 52;
export const NEW_VALUES = BUFFERS + 56;
/** SCRATCH_BYTES for each thread. */
export const SCRATCH = BUFFERS + 64;
/** f32 [3]: scales of LOW, by the part's PART_LOW_INDEX. */
export const LOW_SCALES = BUFFERS + 68;

/** First free byte. */
export const HEAP = 2048;

/** Rows of the working set that one piece of attention covers. */
export const CHUNK = 128;
/** Numbers before a chunk's sum of values: the largest score, the sum of exponentials, the scale of weights. */
export const PARTIAL = 4;
/** Numbers of LOW. */
export const LOW_RANKS = 256;
export const SCRATCH_BYTES = 65536;

/** A layer in the table. */
export const ATTENTION_NORM = 0;
/** 0 where the model has none. */
export const QUERY_NORM = 4;
export const KEY_NORM = 8;
export const FEED_FORWARD_NORM = 12;
/** Number of the evidence layer, or -1. */
export const EVIDENCE = 16;
export const QUERY_PART = 64;
export const KEY_PART = 128;
export const VALUE_PART = 192;
export const OUTPUT_PART = 256;
export const GATE_PART = 320;
export const UP_PART = 384;
export const DOWN_PART = 448;
export const LAYER_BYTES = 512;

/** A matrix, PART_BYTES. */
export const PART_BYTES = 64;
/** 4: blocks of four bits, 8: blocks of eight. */
export const PART_BITS = 0;
export const PART_ROWS = 4;
/** Blocks of 32 columns. */
export const PART_BLOCKS = 8;
export const PART_WEIGHTS = 12;
/** 0 without an adapter; otherwise a multiple of eight. */
export const PART_RANK = 16;
/** Rows of eight bits, [rank, columns]. */
export const PART_LOW_IN = 20;
/** i16 [rows, rank]; PART_LOW_SCALE is its scale, f32. */
export const PART_LOW_OUT = 24;
/** f32 [rows] or 0. */
export const PART_BIAS = 28;
/** Row of PRODUCT where its rows begin, and number of LOW where its ranks begin. */
export const PART_AT = 32;
export const PART_LOW_AT = 36;
export const PART_LOW_INDEX = 40;
export const PART_LOW_SCALE = 44;
