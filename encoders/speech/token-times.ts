import { release, type Tensor } from '#runtime';

/** Odd width of the median filter along the sound. */
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
  for (let t = 0; t < steps; t++) {
    let mean = 0;
    for (let r = 0; r < rows; r++) mean += head[r * steps + t]!;
    mean /= rows;
    let variance = 0;
    for (let r = 0; r < rows; r++) variance += (head[r * steps + t]! - mean) ** 2;
    const deviation = Math.sqrt(variance / rows) || 1;
    for (let r = 0; r < rows; r++) smooth[r * steps + t] = (head[r * steps + t]! - mean) / deviation;
  }
  const half = MEDIAN >> 1;
  const window = new Float32Array(MEDIAN);
  for (let r = 0; r < rows; r++)
    for (let t = 0; t < steps; t++) {
      for (let k = 0; k < MEDIAN; k++) window[k] = smooth[r * steps + Math.min(steps - 1, Math.max(0, t + k - half))]!;
      window.sort();
      cost[r * steps + t]! -= window[half]!;
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
