import {
  ACTIVATION,
  ATTENTION_NORM,
  DOWN_PART,
  ENTERING,
  EPSILON,
  EVIDENCE,
  FEED_FORWARD,
  FEED_FORWARD_NORM,
  GATE_PART,
  HEAD_DIM,
  HEAD_PART,
  HEADS,
  HIDDEN,
  KV_HEADS,
  LAYER_BYTES,
  LAYER_TABLE,
  LAYERS,
  OUTPUT_NORM,
  OUTPUT_PART,
  PART_BLOCKS,
  PART_BYTES,
  PART_ROWS,
  PRODUCT,
  QUERY_PART,
  RESIDUAL,
  RUN,
  SCRATCH,
  SCRATCH_BYTES,
  STOP,
  THREADS,
} from '../layout';
import { append, attend, chunks, collect, join } from './attention';
import { exponential, lanes } from './constants';
import { lower, multiply } from './product';
import { roundEntering } from './round';
import { barrier, SPINS, take } from './threads';

/** Bytes of weights of a piece of a product, about: long enough to pay for taking it, short enough to end together. */
const PIECE_BYTES: i32 = 32768;
/** Eighths of the work that threads do not take from each other. */
const OWN_EIGHTHS: i32 = 6;

/** What the helper threads do until they are stopped. */
export function help(thread: i32): void {
  let seen = 0;
  for (;;) {
    let spins = SPINS;
    while (atomic.load<i32>(RUN) == seen && spins > 0) spins--;
    while (atomic.load<i32>(RUN) == seen) atomic.wait<i32>(RUN, seen, -1);
    seen = atomic.load<i32>(RUN);
    if (atomic.load<i32>(STOP) != 0) return;
    work(thread);
  }
}

/** Runs a step on all threads; this one is the first of them. */
export function step(): void {
  wake();
  work(0);
}

/** Ends the helpers. */
export function stop(): void {
  atomic.store<i32>(STOP, 1);
  wake();
}

function wake(): void {
  atomic.add<i32>(RUN, 1);
  atomic.notify(RUN, -1);
}

function work(thread: i32): void {
  const scratch = load<usize>(SCRATCH) + <usize>(thread * SCRATCH_BYTES);
  const threads = load<i32>(THREADS), layers = load<i32>(LAYERS), kvHeads = load<i32>(KV_HEADS);
  const first = thread == 0;
  const count = chunks();
  let table = load<usize>(LAYER_TABLE);
  for (let layer = 0; layer < layers; layer++) {
    if (first) enter(load<usize>(table, ATTENTION_NORM), layer > 0);
    barrier();
    for (let i = take(); i < 3; i = take()) lower(table + QUERY_PART + <usize>(i * PART_BYTES), scratch);
    barrier();
    products(table + QUERY_PART, 3, thread);
    barrier();
    for (let i = take(); i < kvHeads; i = take()) append(layer, table, i);
    barrier();
    const evidence = load<i32>(table, EVIDENCE);
    const own = ((kvHeads * count * OWN_EIGHTHS) >> 3) / threads;
    for (let i = own * thread; i < own * (thread + 1); i++) attend(layer, i / count, i % count, evidence >= 0, scratch);
    for (let i = own * threads + take(); i < kvHeads * count; i = own * threads + take())
      attend(layer, i / count, i % count, evidence >= 0, scratch);
    barrier();
    if (first) {
      join();
      roundEntering(load<i32>(HEADS) * load<i32>(HEAD_DIM));
      lower(table + OUTPUT_PART, scratch);
    }
    if (evidence >= 0 && thread == threads - 1) for (let i = 0; i < kvHeads; i++) collect(evidence, i);
    barrier();
    products(table + OUTPUT_PART, 1, thread);
    barrier();
    if (first) enter(load<usize>(table, FEED_FORWARD_NORM), true);
    barrier();
    for (let i = take(); i < 2; i = take()) lower(table + GATE_PART + <usize>(i * PART_BYTES), scratch);
    barrier();
    products(table + GATE_PART, 2, thread);
    barrier();
    if (first) {
      gate();
      roundEntering(load<i32>(FEED_FORWARD));
      lower(table + DOWN_PART, scratch);
    }
    barrier();
    products(table + DOWN_PART, 1, thread);
    barrier();
    table += LAYER_BYTES;
  }
  if (first) enter(load<usize>(OUTPUT_NORM), true);
  barrier();
  products(load<usize>(HEAD_PART), 1, thread);
  barrier();
}

/** The residual stream takes up what the last product gave; normed and rounded it enters the next. */
function enter(norm: usize, added: bool): void {
  const hidden = load<i32>(HIDDEN);
  const bytes: usize = <usize>(hidden << 2);
  const x = load<usize>(RESIDUAL);
  if (added) {
    const delta = load<usize>(PRODUCT);
    for (let at: usize = 0; at < bytes; at += 16)
      v128.store(x + at, f32x4.add(v128.load(x + at), v128.load(delta + at)));
  }
  let sum = f32x4.splat(0);
  for (let at: usize = 0; at < bytes; at += 16) {
    const v = v128.load(x + at);
    sum = f32x4.add(sum, f32x4.mul(v, v));
  }
  const rate = f32x4.splat(1 / sqrt(lanes(sum) / <f32>hidden + load<f32>(EPSILON)));
  const out = load<usize>(ENTERING);
  for (let at: usize = 0; at < bytes; at += 16)
    v128.store(out + at, f32x4.mul(f32x4.mul(v128.load(x + at), rate), v128.load(norm + at)));
  roundEntering(hidden);
}

/** SwiGLU or GeGLU. */
function gate(): void {
  const bytes: usize = <usize>(load<i32>(FEED_FORWARD) << 2);
  const x = load<usize>(PRODUCT);
  const out = load<usize>(ENTERING);
  const one = f32x4.splat(1);
  const gelu = load<i32>(ACTIVATION) == 1;
  for (let at: usize = 0; at < bytes; at += 16) {
    const v = v128.load(x + at);
    // Both are x times a sigmoid: of x, and of √(8/π) · (x + 0.044715 x³), which is GELU by tanh.
    const z = gelu
      ? f32x4.mul(f32x4.mul(v, f32x4.splat(1.5957691216)), f32x4.add(one, f32x4.mul(f32x4.splat(0.044715), f32x4.mul(v, v))))
      : v;
    const sigmoid = f32x4.div(one, f32x4.add(one, exponential(f32x4.pmin(f32x4.neg(z), f32x4.splat(87)))));
    v128.store(out + at, f32x4.mul(f32x4.mul(v, sigmoid), v128.load(x + bytes + at)));
  }
}

/**
 * Rows of several parts that follow each other in the table. Each thread begins with a run of rows of its own: memory is read ahead best
 * along one line. The rest is taken in pieces, so that all end together.
 */
function products(first: usize, parts: i32, thread: i32): void {
  const threads = load<i32>(THREADS);
  let before = 0;
  for (let part = 0; part < parts; part++) before += load<i32>(first + <usize>(part * PART_BYTES), PART_ROWS);
  const own = ((before * OWN_EIGHTHS) >> 3) / threads;
  rowsOf(first, parts, own * thread, own * (thread + 1));
  const size = max(4, PIECE_BYTES / (load<i32>(first, PART_BLOCKS) * 24));
  for (let from = own * threads + take() * size; from < before; from = own * threads + take() * size)
    rowsOf(first, parts, from, min(before, from + size));
}

/** Rows `from` to `to` of the parts as if they were one. */
function rowsOf(first: usize, parts: i32, from: i32, to: i32): void {
  let before = 0;
  for (let part = 0; part < parts; part++) {
    const at = first + <usize>(part * PART_BYTES);
    const rows = load<i32>(at, PART_ROWS);
    const start = max(from, before), end = min(to, before + rows);
    if (start < end) multiply(at, start - before, end - before);
    before += rows;
  }
}
