/** Slaney's mel scale: linear under 1 kHz, logarithmic above (https://engineering.purdue.edu/~malcolm/interval/1998-010/). */
const LINEAR = 200 / 3;
const BREAK_HZ = 1000;
const BREAK_MEL = BREAK_HZ / LINEAR;
const LOG_STEP = Math.log(6.4) / 27;

const toMel = (hertz: number): number =>
  hertz < BREAK_HZ ? hertz / LINEAR : BREAK_MEL + Math.log(hertz / BREAK_HZ) / LOG_STEP;
const toHertz = (mel: number): number =>
  mel < BREAK_MEL ? mel * LINEAR : BREAK_HZ * Math.exp(LOG_STEP * (mel - BREAK_MEL));

/** One triangle: weights of neighbouring bins from `first` on. */
export interface MelFilter {
  first: number;
  weights: number[];
}

/** Triangles of equal area, evenly spread over the mel scale from 0 Hz to half the sample rate. @param bins of the power spectrum */
export function melFilters(count: number, bins: number, sampleRate: number): MelFilter[] {
  const top = toMel(sampleRate / 2);
  const edges = Array.from({ length: count + 2 }, (_, i) => toHertz((top * i) / (count + 1)));
  const hertz = (bin: number): number => (bin * sampleRate) / 2 / (bins - 1);
  return Array.from({ length: count }, (_, i) => {
    const [low, middle, high] = [edges[i]!, edges[i + 1]!, edges[i + 2]!];
    const weights = Array.from({ length: bins }, (_, bin) =>
      Math.max(0, Math.min((hertz(bin) - low) / (middle - low), (high - hertz(bin)) / (high - middle))),
    );
    const first = Math.max(
      0,
      weights.findIndex((weight) => weight > 0),
    );
    const last = weights.findLastIndex((weight) => weight > 0);
    return { first, weights: weights.slice(first, last + 1).map((weight) => (2 * weight) / (high - low)) };
  });
}
