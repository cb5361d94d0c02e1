import {
  ACTIVATION,
  ATTENTION_NORM,
  DOWN_PART,
  ENTERING,
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
  PHASE,
  PHASE_LAYER,
  PHASE_TABLE,
  PART_BLOCKS,
  PART_BYTES,
  PART_ROWS,
  PRODUCT,
  QUERY_PART,
  RESIDUAL,
  SCRATCH,
  SCRATCH_BYTES,
  STOP,
  THREADS,
} from '../layout';
import { append, attend, chunks, collect, join } from './attention';
import { exponential } from './constants';
import { lower, multiply } from './product';
import { norm, roundEntering } from './round';
import { draw, finish, pieceOf, publish, rest, settle } from './threads';

/** Bytes of weights of a piece of a product, at least: long enough to pay for taking it, short enough to end together. */
const PIECE_BYTES: i32 = 32768;
/** Most pieces beside the long ones. */
const MOST_PIECES: i32 = 500;
/** Eighths of the work that are the long pieces, one for each thread: memory is read ahead best along one line. */
const LONG_EIGHTHS: i32 = 6;

// What a phase computes.
const LOWER_ATTENTION: i32 = 0;
const PROJECT: i32 = 1;
const ATTEND: i32 = 2;
const COLLECT: i32 = 3;
const OUTPUT: i32 = 4;
const LOWER_FEED_FORWARD: i32 = 5;
const GATE_UP: i32 = 6;
const DOWN: i32 = 7;
const WORDS: i32 = 8;

/** What the helper threads do until they are stopped. */
export function help(thread: i32): void {
  const scratch = load<usize>(SCRATCH) + <usize>(thread * SCRATCH_BYTES);
  while (atomic.load<i32>(STOP) == 0) {
    const ticket = draw();
    const piece = pieceOf(ticket);
    if (piece >= 0) {
      compute(piece, scratch);
      finish();
    } else if (!rest(ticket)) return;
  }
}

/** Runs a step: what is short is done by this thread alone, between phases that all share. */
export function step(): void {
  const scratch = load<usize>(SCRATCH);
  const layers = load<i32>(LAYERS), kvHeads = load<i32>(KV_HEADS);
  let table = load<usize>(LAYER_TABLE);
  for (let layer = 0; layer < layers; layer++) {
    store<i32>(PHASE_LAYER, layer);
    store<usize>(PHASE_TABLE, table);
    enter(load<usize>(table, ATTENTION_NORM), layer > 0);
    share(LOWER_ATTENTION, 3, scratch);
    share(PROJECT, productPieces(table + QUERY_PART, 3), scratch);
    for (let head = 0; head < kvHeads; head++) append(layer, table, head);
    share(ATTEND, piecesOf(kvHeads * chunks(), 1), scratch);
    if (load<i32>(table, EVIDENCE) >= 0) share(COLLECT, kvHeads, scratch);
    join();
    roundEntering(load<i32>(HEADS) * load<i32>(HEAD_DIM));
    lower(table + OUTPUT_PART, scratch);
    share(OUTPUT, productPieces(table + OUTPUT_PART, 1), scratch);
    enter(load<usize>(table, FEED_FORWARD_NORM), true);
    share(LOWER_FEED_FORWARD, 2, scratch);
    share(GATE_UP, productPieces(table + GATE_PART, 2), scratch);
    gate();
    roundEntering(load<i32>(FEED_FORWARD));
    lower(table + DOWN_PART, scratch);
    share(DOWN, productPieces(table + DOWN_PART, 1), scratch);
    table += LAYER_BYTES;
  }
  enter(load<usize>(OUTPUT_NORM), true);
  share(WORDS, productPieces(load<usize>(HEAD_PART), 1), scratch);
}

/** One phase from its beginning to its end. */
function share(phase: i32, pieces: i32, scratch: usize): void {
  store<i32>(PHASE, phase);
  publish(pieces);
  for (let piece = pieceOf(draw()); piece >= 0; piece = pieceOf(draw())) {
    compute(piece, scratch);
    finish();
  }
  settle(pieces);
}

/** A piece of the phase that runs. */
function compute(piece: i32, scratch: usize): void {
  const phase = load<i32>(PHASE);
  const table = load<usize>(PHASE_TABLE);
  if (phase == LOWER_ATTENTION) lower(table + QUERY_PART + <usize>(piece * PART_BYTES), scratch);
  else if (phase == PROJECT) product(table + QUERY_PART, 3, piece);
  else if (phase == ATTEND) attendPiece(table, piece, scratch);
  else if (phase == COLLECT) collect(load<i32>(table, EVIDENCE), piece);
  else if (phase == OUTPUT) product(table + OUTPUT_PART, 1, piece);
  else if (phase == LOWER_FEED_FORWARD) lower(table + GATE_PART + <usize>(piece * PART_BYTES), scratch);
  else if (phase == GATE_UP) product(table + GATE_PART, 2, piece);
  else if (phase == DOWN) product(table + DOWN_PART, 1, piece);
  else product(load<usize>(HEAD_PART), 1, piece);
}

/** Pieces of so much work: a long one for each thread, and short ones of the length `short`. */
function piecesOf(work: i32, short: i32): i32 {
  const threads = load<i32>(THREADS);
  return threads + (work - threads * longOf(work) + short - 1) / short;
}

/** Where a piece of so much work begins; the next one begins where it ends. */
function startOf(piece: i32, work: i32, short: i32): i32 {
  const threads = load<i32>(THREADS);
  const long = longOf(work);
  return piece <= threads ? piece * long : min(work, threads * long + (piece - threads) * short);
}

/** Length of a long piece of so much work. */
// @ts-ignore: decorator
@inline
function longOf(work: i32): i32 {
  return ((work * LONG_EIGHTHS) >> 3) / load<i32>(THREADS);
}

/** A piece of attention: chunks, KV head by KV head. */
function attendPiece(table: usize, piece: i32, scratch: usize): void {
  const count = chunks(), layer = load<i32>(PHASE_LAYER);
  const evidence = load<i32>(table, EVIDENCE) >= 0;
  const work = load<i32>(KV_HEADS) * count;
  const end = startOf(piece + 1, work, 1);
  for (let i = startOf(piece, work, 1); i < end; i++) attend(layer, i / count, i % count, evidence, scratch);
}

/** The residual stream takes up what the last product gave; normed and rounded it enters the next. */
function enter(weight: usize, added: bool): void {
  const hidden = load<i32>(HIDDEN);
  const bytes: usize = <usize>(hidden << 2);
  const x = load<usize>(RESIDUAL);
  if (added) {
    const delta = load<usize>(PRODUCT);
    for (let at: usize = 0; at < bytes; at += 16)
      v128.store(x + at, f32x4.add(v128.load(x + at), v128.load(delta + at)));
  }
  norm(x, hidden, weight, load<usize>(ENTERING));
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

/** Rows of parts that follow each other in the table. */
function rowsIn(first: usize, parts: i32): i32 {
  let rows = 0;
  for (let part = 0; part < parts; part++) rows += load<i32>(first + <usize>(part * PART_BYTES), PART_ROWS);
  return rows;
}

/** Rows of a short piece of a product of so many. */
function shortOf(first: usize, rows: i32): i32 {
  const rest = rows - load<i32>(THREADS) * longOf(rows);
  return max(max(4, PIECE_BYTES / (load<i32>(first, PART_BLOCKS) * 24)), (rest + MOST_PIECES - 1) / MOST_PIECES);
}

/** Pieces of a product of several parts. */
function productPieces(first: usize, parts: i32): i32 {
  const rows = rowsIn(first, parts);
  return piecesOf(rows, shortOf(first, rows));
}

/** A piece of a product. */
function product(first: usize, parts: i32, piece: i32): void {
  const rows = rowsIn(first, parts);
  const short = shortOf(first, rows);
  rowsOf(first, parts, startOf(piece, rows, short), startOf(piece + 1, rows, short));
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
