import { release, type Tensor } from '#runtime';

/** Width of the median filter along the sound. */
const MEDIAN = 7;

/** Where the steps of an encoder's output are in the sound, in samples. */
export interface StepGrid {
  /** From one step to the next. */
  step: number;
  /** The middle of what the first step has heard. */
  first: number;
}

/**
 * When each token begins, by dynamic time warping of the decoder's cross-attention against the text, after
 * Whisper (https://github.com/openai/whisper/blob/main/whisper/timing.py).
 *
 * @param attention float32 [heads, tokens + 1, steps] of one layer or several; row i was used to choose token i
 * @returns samples from the start of the utterance, one for each token, never falling
 */
export function tokenTimes(attention: readonly Tensor[], tokens: number, { step, first }: StepGrid): number[] {
  const [, rows, steps] = attention[0]!.dims as [number, number, number];
  const cost = new Float64Array(rows * steps);
  const smooth = new Float32Array(rows * steps);
  for (const { data } of attention)
    for (let at = 0; at < data.length; at += rows * steps)
      addHead((data as Float32Array).subarray(at, at + rows * steps), { rows, steps, smooth, cost });
  const begins = warp(cost, rows, steps);
  release([cost.buffer, smooth.buffer]);
  return begins.slice(0, tokens).map((at) => (at === 0 ? 0 : at * step + first));
}

interface Matrices {
  rows: number;
  steps: number;
  /** Written anew for each head. */
  smooth: Float32Array;
  cost: Float64Array;
}

/** Standardises a head over the tokens, smooths it along the sound, and subtracts it from the cost. */
function addHead(head: Float32Array, { rows, steps, smooth, cost }: Matrices): void {
  // Row by row, as it lies in memory.
  const mean = new Float64Array(steps);
  for (let at = 0, r = 0; r < rows; r++) for (let t = 0; t < steps; t++) mean[t]! += head[at++]!;
  for (let t = 0; t < steps; t++) mean[t]! /= rows;
  const deviation = new Float64Array(steps);
  for (let at = 0, r = 0; r < rows; r++)
    for (let t = 0; t < steps; t++) {
      const difference = head[at++]! - mean[t]!;
      deviation[t]! += difference * difference;
    }
  for (let t = 0; t < steps; t++) deviation[t] = Math.sqrt(deviation[t]! / rows) || 1;
  for (let at = 0, r = 0; r < rows; r++)
    for (let t = 0; t < steps; t++, at++) smooth[at] = (head[at]! - mean[t]!) / deviation[t]!;
  const padded = new Float32Array(steps + MEDIAN);
  for (let r = 0; r < rows; r++)
    subtractMedians(smooth.subarray(r * steps, (r + 1) * steps), padded, cost.subarray(r * steps, (r + 1) * steps));
}

/**
 * Subtracts a row's running median of seven values from `cost`; at its ends the row goes on with its first and last value. Two neighbours
 * have six values in common: of the third and the fourth of those and its own seventh, each median is the middle one.
 */
function subtractMedians(row: Float32Array, padded: Float32Array, cost: Float64Array): void {
  const { min, max } = Math;
  const half = MEDIAN >> 1;
  padded.fill(row[0]!, 0, half);
  padded.set(row, half);
  padded.fill(row.at(-1)!, half + row.length);
  for (let t = 0; t < row.length; t += 2) {
    // Two sorted threes, a b c and d e f; arrays to take them apart, and maxima of three, would cost as much again.
    const x = padded[t + 1]!;
    const y = padded[t + 2]!;
    const z = padded[t + 3]!;
    const a = min(min(x, y), z);
    const b = max(min(x, y), min(max(x, y), z));
    const c = max(max(x, y), z);
    const u = padded[t + 4]!;
    const v = padded[t + 5]!;
    const w = padded[t + 6]!;
    const d = min(min(u, v), w);
    const e = max(min(u, v), min(max(u, v), w));
    const f = max(max(u, v), w);
    const third = max(max(min(a, f), min(b, e)), min(c, d));
    const fourth = min(min(max(a, f), max(b, e)), max(c, d));
    cost[t]! -= min(max(padded[t]!, third), fourth);
    if (t + 1 < row.length) cost[t + 1]! -= min(max(padded[t + MEDIAN]!, third), fourth);
  }
}

/** The cheapest monotonic path through cost [rows, steps]; returns each row's first step. */
export function warp(cost: Float64Array, rows: number, steps: number): number[] {
  const total = new Float64Array((rows + 1) * (steps + 1)).fill(Infinity);
  const from = new Uint8Array((rows + 1) * (steps + 1));
  const wide = steps + 1;
  total[0] = 0;
  for (let r = 1; r <= rows; r++)
    for (let t = 1; t <= steps; t++) {
      const [diagonal, up, left] = [
        total[(r - 1) * wide + t - 1]!,
        total[(r - 1) * wide + t]!,
        total[r * wide + t - 1]!,
      ];
      const best = Math.min(diagonal, up, left);
      from[r * wide + t] = best === diagonal ? 0 : best === up ? 1 : 2;
      total[r * wide + t] = cost[(r - 1) * steps + t - 1]! + best;
    }
  const begins = new Array<number>(rows).fill(0);
  for (let r = rows, t = steps; r > 0 && t > 0;) {
    begins[r - 1] = t - 1;
    const step = from[r * wide + t];
    if (step !== 2) r--;
    if (step !== 1) t--;
  }
  release([total.buffer, from.buffer]);
  return begins;
}
