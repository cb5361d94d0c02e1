import {
  CAPACITY,
  CHUNK,
  CONSTANTS,
  ENTERING,
  EXPONENTIALS,
  HEAD_DIM,
  HEADS,
  KV_HEADS,
  LENGTH,
  MASS,
  NEW_KEYS,
  NEW_VALUES,
  KEY_NORM,
  PARTIAL,
  PARTIALS,
  PHASES,
  PRODUCT,
  QUERIES,
  QUERY_NORM,
  QUERY_SCALES,
} from '../layout';
import { exponential, lanes, largest } from './constants';
import { eight, norm, peak } from './round';
import { clearScales, headOf, keyScalesOf, scorePeak, valuesOf, writeRow } from './working-set';

/** Largest rounded weight of a row. */
const WEIGHT_PEAK: f32 = 4095;
const LOWEST: f32 = -1e30;
/** Numbers of one chunk's rows. */
const ROWS_BYTES: usize = CHUNK * 4;

/** Chunks of rows that the token sees, itself included. */
// @ts-ignore: decorator
@inline
export function chunks(): i32 {
  return (load<i32>(LENGTH) + CHUNK) / CHUNK;
}

/** Norm of one head (where the model has one) and rotation of the pairs (i, i + D / 2), in place; then times `factor`. */
function turn(x: usize, weight: usize, factor: f32): void {
  const dim = load<i32>(HEAD_DIM);
  if (weight != 0) norm(x, dim, weight, x);
  const half: usize = <usize>(dim << 1);
  const cos = load<usize>(PHASES);
  const by = f32x4.splat(factor);
  for (let at: usize = 0; at < half; at += 16) {
    const a = v128.load(x + at), b = v128.load(x + half + at);
    const c = v128.load(cos + at), s = v128.load(cos + half + at);
    v128.store(x + at, f32x4.mul(f32x4.sub(f32x4.mul(a, c), f32x4.mul(b, s)), by));
    v128.store(x + half + at, f32x4.mul(f32x4.add(f32x4.mul(a, s), f32x4.mul(b, c)), by));
  }
}

/** Appends the key and value of one KV head to the working set, and rounds the queries of its group. */
export function append(layer: i32, table: usize, kvHead: i32): void {
  const dim = load<i32>(HEAD_DIM), length = load<i32>(LENGTH);
  const heads = load<i32>(HEADS), kvHeads = load<i32>(KV_HEADS);
  const group = heads / kvHeads;
  const bytes: usize = <usize>(dim << 2);
  const product = load<usize>(PRODUCT);
  const key = product + <usize>(heads + kvHead) * bytes;
  const value = product + <usize>(heads + kvHeads + kvHead) * bytes;
  turn(key, load<usize>(table, KEY_NORM), 1);
  writeRow(headOf(layer, kvHead), length, key, value, 0);
  // What a sequence of before left in the rows beside the last one must not be multiplied.
  clearScales(headOf(layer, kvHead), length + 1);
  const at = <usize>(layer * kvHeads + kvHead) * bytes;
  memory.copy(load<usize>(NEW_KEYS) + at, key, bytes);
  memory.copy(load<usize>(NEW_VALUES) + at, value, bytes);
  const factor = <f32>1 / sqrt(<f32>dim), most = scorePeak();
  for (let head = kvHead * group; head < (kvHead + 1) * group; head++) {
    const query = product + <usize>head * bytes;
    turn(query, load<usize>(table, QUERY_NORM), factor);
    const top = peak(query, dim);
    store<f32>(load<usize>(QUERY_SCALES) + <usize>(head << 2), top / most);
    const rate = f32x4.splat(top > 0 ? most / top : 0);
    const to = load<usize>(QUERIES) + <usize>((head * dim) << 1);
    for (let d = 0; d < dim; d += 8) v128.store(to + <usize>(d << 1), eight(query + <usize>(d << 2), rate));
  }
}

/** Attention of the query heads of one KV head over one chunk of rows. */
export function attend(layer: i32, kvHead: i32, chunk: i32, evidence: bool, scratch: usize): void {
  const group = load<i32>(HEADS) / load<i32>(KV_HEADS);
  const rows = min(CHUNK, load<i32>(LENGTH) + 1 - chunk * CHUNK);
  const set = headOf(layer, kvHead);
  const last = (kvHead + 1) * group;
  for (let head = kvHead * group; head < last; head += 3)
    attendSome(set, head, min(3, last - head), chunk, rows, evidence, scratch);
}

// @ts-ignore: decorator
@inline
function partialOf(head: i32, chunk: i32): usize {
  return load<usize>(PARTIALS) + <usize>(((head * chunks() + chunk) * (PARTIAL + load<i32>(HEAD_DIM))) << 2);
}

/** One to three query heads that share keys and values: each number of those is loaded once. */
function attendSome(set: usize, head: i32, together: i32, chunk: i32, rows: i32, evidence: bool, scratch: usize): void {
  const dim = load<i32>(HEAD_DIM), capacity = load<i32>(CAPACITY);
  const from = chunk * CHUNK;
  const padded = (rows + 3) & ~3;
  if (together == 3) scoresOf3(set, head, from, padded, scratch);
  else for (let i = 0; i < together; i++) scoresOf1(set, head + i, from, padded, scratch + <usize>i * ROWS_BYTES);
  const scales = keyScalesOf(set) + <usize>((capacity + from) << 2);
  for (let i = 0; i < together; i++) {
    const weights = scratch + <usize>i * ROWS_BYTES;
    const out = load<usize>(EXPONENTIALS) + <usize>(((head + i) * capacity + from) << 2);
    weightsOf(weights, rows, padded, scales, partialOf(head + i, chunk), evidence ? out : 0);
  }
  const partial = partialOf(head, chunk);
  const stride: usize = <usize>((chunks() * (PARTIAL + dim)) << 2);
  const values = valuesOf(set) + <usize>((from * dim) << 1);
  if (together == 3) valuesBy3(values, padded, scratch, partial, stride);
  else
    for (let i = 0; i < together; i++)
      valuesBy1(values, padded, scratch + <usize>i * ROWS_BYTES, partial + <usize>i * stride);
}

/** Scores become weights, rounded to 16 bits in pairs of rows; the partial result gets the largest score, the sum and the weights' scale. */
function weightsOf(scores: usize, rows: i32, padded: i32, scales: usize, partial: usize, exponentials: usize): void {
  const end = scores + <usize>(padded << 2);
  for (let row = rows; row < padded; row++) store<f32>(scores + <usize>(row << 2), LOWEST);
  let m = f32x4.splat(LOWEST);
  for (let p = scores; p < end; p += 16) m = f32x4.pmax(m, v128.load(p));
  const top = largest(m);
  const tops = f32x4.splat(top);
  let sum = f32x4.splat(0), most = f32x4.splat(0);
  for (let p = scores; p < end; p += 16) {
    const e = exponential(f32x4.sub(v128.load(p), tops));
    sum = f32x4.add(sum, e);
    if (exponentials != 0) v128.store(exponentials + (p - scores), e);
    const w = f32x4.mul(e, v128.load(scales));
    most = f32x4.pmax(most, w);
    v128.store(p, w);
    scales += 16;
  }
  const peakWeight = largest(most);
  const rate = f32x4.splat(peakWeight > 0 ? WEIGHT_PEAK / peakWeight : 0);
  const beside = v128.load(CONSTANTS, 208);
  let to = scores;
  for (let p = scores; p < end; p += 16) {
    const rounded = i32x4.sub(f32x4.add(f32x4.mul(v128.load(p), rate), beside), beside);
    v128.store64_lane(to, i16x8.narrow_i32x4_s(rounded, rounded), 0);
    to += 8;
  }
  store<f32>(partial, top);
  store<f32>(partial, lanes(sum), 4);
  store<f32>(partial, peakWeight / WEIGHT_PEAK, 8);
}

/** Scores of three query heads with `count` rows from row `from` on, a multiple of four. */
function scoresOf3(set: usize, query: i32, from: i32, count: i32, to: usize): void {
  const bytes: usize = <usize>(load<i32>(HEAD_DIM) << 1);
  const q0 = load<usize>(QUERIES) + <usize>query * bytes;
  const qEnd = q0 + bytes;
  const scales = load<usize>(QUERY_SCALES) + <usize>(query << 2);
  let scale = keyScalesOf(set) + <usize>(from << 2);
  const bias: usize = <usize>(load<i32>(CAPACITY) << 3);
  let k = set + <usize>from * bytes;
  const end = to + <usize>(count << 2);
  while (to < end) {
    let a = i32x4.splat(0), b = i32x4.splat(0), c = i32x4.splat(0);
    for (let q = q0; q < qEnd; q += 8) {
      const x = v128.load(k), y = v128.load(k, 16);
      a = i32x4.add(a, i32x4.add(i32x4.dot_i16x8_s(x, v128.load32_splat(q)), i32x4.dot_i16x8_s(y, v128.load32_splat(q, 4))));
      const p = q + bytes;
      b = i32x4.add(b, i32x4.add(i32x4.dot_i16x8_s(x, v128.load32_splat(p)), i32x4.dot_i16x8_s(y, v128.load32_splat(p, 4))));
      const r = p + bytes;
      c = i32x4.add(c, i32x4.add(i32x4.dot_i16x8_s(x, v128.load32_splat(r)), i32x4.dot_i16x8_s(y, v128.load32_splat(r, 4))));
      k += 32;
    }
    const s = v128.load(scale), hide = v128.load(scale + bias);
    v128.store(to, f32x4.add(f32x4.mul(f32x4.mul(f32x4.convert_i32x4_s(a), s), v128.load32_splat(scales)), hide));
    v128.store(to + ROWS_BYTES, f32x4.add(f32x4.mul(f32x4.mul(f32x4.convert_i32x4_s(b), s), v128.load32_splat(scales, 4)), hide));
    v128.store(to + 2 * ROWS_BYTES, f32x4.add(f32x4.mul(f32x4.mul(f32x4.convert_i32x4_s(c), s), v128.load32_splat(scales, 8)), hide));
    scale += 16;
    to += 16;
  }
}

function scoresOf1(set: usize, query: i32, from: i32, count: i32, to: usize): void {
  const bytes: usize = <usize>(load<i32>(HEAD_DIM) << 1);
  const q0 = load<usize>(QUERIES) + <usize>query * bytes;
  const qEnd = q0 + bytes;
  const by = v128.load32_splat(load<usize>(QUERY_SCALES) + <usize>(query << 2));
  let scale = keyScalesOf(set) + <usize>(from << 2);
  const bias: usize = <usize>(load<i32>(CAPACITY) << 3);
  let k = set + <usize>from * bytes;
  const end = to + <usize>(count << 2);
  while (to < end) {
    let a = i32x4.splat(0);
    for (let q = q0; q < qEnd; q += 8) {
      a = i32x4.add(a, i32x4.dot_i16x8_s(v128.load(k), v128.load32_splat(q)));
      a = i32x4.add(a, i32x4.dot_i16x8_s(v128.load(k, 16), v128.load32_splat(q, 4)));
      k += 32;
    }
    const s = f32x4.mul(f32x4.mul(f32x4.convert_i32x4_s(a), v128.load(scale)), by);
    v128.store(to, f32x4.add(s, v128.load(scale + bias)));
    scale += 16;
    to += 16;
  }
}

/** Sums of `count` rows of values, each times its weight, for three query heads. */
function valuesBy3(values: usize, count: i32, weights: usize, partial: usize, stride: usize): void {
  const dim = load<i32>(HEAD_DIM);
  const end = weights + <usize>(count << 1);
  const rowBytes: usize = <usize>(dim << 2);
  for (let d = 0; d < dim; d += 8) {
    let a = i32x4.splat(0), b = i32x4.splat(0), c = i32x4.splat(0);
    let e = i32x4.splat(0), f = i32x4.splat(0), g = i32x4.splat(0);
    let v = values + <usize>(d << 2);
    for (let p = weights; p < end; p += 4) {
      const x = v128.load(v), y = v128.load(v, 16);
      const w = v128.load32_splat(p), w1 = v128.load32_splat(p, ROWS_BYTES), w2 = v128.load32_splat(p, 2 * ROWS_BYTES);
      a = i32x4.add(a, i32x4.dot_i16x8_s(x, w));
      b = i32x4.add(b, i32x4.dot_i16x8_s(x, w1));
      c = i32x4.add(c, i32x4.dot_i16x8_s(x, w2));
      e = i32x4.add(e, i32x4.dot_i16x8_s(y, w));
      f = i32x4.add(f, i32x4.dot_i16x8_s(y, w1));
      g = i32x4.add(g, i32x4.dot_i16x8_s(y, w2));
      v += rowBytes;
    }
    put(partial, d, a, e);
    put(partial + stride, d, b, f);
    put(partial + 2 * stride, d, c, g);
  }
}

function valuesBy1(values: usize, count: i32, weights: usize, partial: usize): void {
  const dim = load<i32>(HEAD_DIM);
  const end = weights + <usize>(count << 1);
  const rowBytes: usize = <usize>(dim << 2);
  for (let d = 0; d < dim; d += 8) {
    let a = i32x4.splat(0), b = i32x4.splat(0);
    let v = values + <usize>(d << 2);
    for (let p = weights; p < end; p += 4) {
      const w = v128.load32_splat(p);
      a = i32x4.add(a, i32x4.dot_i16x8_s(v128.load(v), w));
      b = i32x4.add(b, i32x4.dot_i16x8_s(v128.load(v, 16), w));
      v += rowBytes;
    }
    put(partial, d, a, b);
  }
}

/** Eight dimensions of a partial result. */
// @ts-ignore: decorator
@inline
function put(partial: usize, d: i32, low: v128, high: v128): void {
  const by = v128.load32_splat(partial, 8);
  const to = partial + 16 + <usize>(d << 2);
  v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(low), by));
  v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(high), by), 16);
}

/** Joins the chunks: ENTERING = what attention gives, [heads, headDim]. */
export function join(): void {
  const dim = load<i32>(HEAD_DIM), heads = load<i32>(HEADS);
  const count = chunks();
  const bytes: usize = <usize>(dim << 2);
  for (let head = 0; head < heads; head++) {
    const top = highest(head);
    const rate: f32 = 1 / normaliser(head, top);
    const out = load<usize>(ENTERING) + <usize>head * bytes;
    memory.fill(out, 0, bytes);
    for (let chunk = 0; chunk < count; chunk++) {
      const p = partialOf(head, chunk);
      const by = f32x4.splat(shareOf(p, top) * rate);
      for (let at: usize = 0; at < bytes; at += 16)
        v128.store(out + at, f32x4.add(v128.load(out + at), f32x4.mul(v128.load(p + 16 + at), by)));
    }
  }
}

/** Largest score of a head. */
function highest(head: i32): f32 {
  const count = chunks();
  let top: f32 = LOWEST;
  for (let chunk = 0; chunk < count; chunk++) top = max(top, load<f32>(partialOf(head, chunk)));
  return top;
}

/** What a chunk's exponentials are multiplied by, since its largest score is another. */
// @ts-ignore: decorator
@inline
function shareOf(partial: usize, top: f32): f32 {
  return f32x4.extract_lane(exponential(f32x4.splat(load<f32>(partial) - top)), 0);
}

/** Sum of a head's exponentials. */
function normaliser(head: i32, top: f32): f32 {
  const count = chunks();
  let sum: f32 = 0;
  for (let chunk = 0; chunk < count; chunk++) {
    const p = partialOf(head, chunk);
    sum += load<f32>(p, 4) * shareOf(p, top);
  }
  return sum;
}

/** Attention on each row of one KV head, summed over its query heads, for evidence layer `index`. */
export function collect(index: i32, kvHead: i32): void {
  const kvHeads = load<i32>(KV_HEADS), capacity = load<i32>(CAPACITY), length = load<i32>(LENGTH);
  const group = load<i32>(HEADS) / kvHeads;
  const count = chunks();
  const mass = load<usize>(MASS) + <usize>(((index * kvHeads + kvHead) * capacity) << 2);
  memory.fill(mass, 0, <usize>(capacity << 2));
  for (let head = kvHead * group; head < (kvHead + 1) * group; head++) {
    const top = highest(head);
    const rate: f32 = 1 / normaliser(head, top);
    const seen = load<usize>(EXPONENTIALS) + <usize>((head * capacity) << 2);
    for (let chunk = 0; chunk < count; chunk++) {
      const by = f32x4.splat(shareOf(partialOf(head, chunk), top) * rate);
      // The new token's own row is not asked for.
      const end: usize = <usize>(min((chunk + 1) * CHUNK, length) << 2);
      for (let at: usize = <usize>((chunk * CHUNK) << 2); at < end; at += 16)
        v128.store(mass + at, f32x4.add(v128.load(mass + at), f32x4.mul(v128.load(seen + at), by)));
    }
  }
}
