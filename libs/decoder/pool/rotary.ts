import { rotaryFrequencies, type RotaryShape } from '#runtime';

/** Cosines and sines of rotary position embedding (RoFormer, arXiv:2104.09864), [positions, headDim / 2] each. */
export interface RotaryTable {
  readonly cos: Float32Array;
  readonly sin: Float32Array;
  /** Which elements form a pair: (2i, 2i+1) as in GGUF's Llama files, or (i, i + headDim/2) as in safetensors. */
  readonly pairs: 'interleaved' | 'halves';
}

/** Positions, and so rows, that a working set may have: prefix, what is read of the material, question and answer. */
export const MOST_POSITIONS = 16_384;

/**
 * @example
 * const rotary = rotaryTable({ positions: 8192, headDim: 64, theta: 100_000, pairs: 'interleaved' });
 */
export function rotaryTable(of: RotaryShape & { positions: number; pairs: RotaryTable['pairs'] }): RotaryTable {
  const half = of.headDim / 2;
  const cos = new Float32Array(of.positions * half);
  const sin = new Float32Array(of.positions * half);
  rotaryFrequencies(of).forEach((frequency, i) => {
    for (let p = 0; p < of.positions; p++) {
      cos[p * half + i] = Math.cos(p * frequency);
      sin[p * half + i] = Math.sin(p * frequency);
    }
  });
  return { cos, sin, pairs: of.pairs };
}

/** Writes cosines, then sines, of one position to `out`, [headDim]. */
export function writePhases(frequencies: Float64Array, position: number, out: Float32Array): void {
  frequencies.forEach((frequency, i) => {
    out[i] = Math.cos(position * frequency);
    out[frequencies.length + i] = Math.sin(position * frequency);
  });
}

/** Rotates `rows` rows of `headDim` numbers in place, from element `at`; row `r` gets the phase of `position + r`. */
export function rotateRows(
  data: Float32Array,
  at: number,
  rows: number,
  headDim: number,
  rotary: RotaryTable,
  position: number,
): void {
  const half = headDim / 2;
  const [step, gap] = rotary.pairs === 'interleaved' ? [2, 1] : [1, half];
  const { cos, sin } = rotary;
  let phase = position * half;
  for (let row = 0, start = at; row < rows; row++, start += headDim)
    for (let i = 0, x = start; i < half; i++, x += step, phase++) {
      const a = data[x]!;
      const b = data[x + gap]!;
      const c = cos[phase]!;
      const s = sin[phase]!;
      data[x] = a * c - b * s;
      data[x + gap] = a * s + b * c;
    }
}
