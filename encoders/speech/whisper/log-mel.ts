import { Fourier } from './fourier.js';
import { melFilters, type MelFilter } from './mel-filters.js';

export const SAMPLE_RATE = 16_000;
/** What the encoder takes: always thirty seconds, as a frame every 10 ms. */
export const FRAMES = 3000;
const WINDOW = 400;
export const HOP = 160;
const BINS = WINDOW / 2 + 1;
const LEAST_POWER = 1e-10;
/** Decades below the loudest that are told apart. */
const RANGE = 8;

/**
 * Whisper's front end: the logarithm of the mel spectrum of thirty seconds
 * (https://github.com/openai/whisper/blob/main/whisper/audio.py), the same within 1e-4 as WhisperFeatureExtractor of transformers.
 */
export class LogMel {
  private readonly fourier = new Fourier(WINDOW);
  private readonly filters: MelFilter[];
  private readonly window = Float64Array.from(
    { length: WINDOW },
    (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / WINDOW),
  );

  /** @param mels rows of the result: 80, or 128 for large-v3 and its kin */
  constructor(readonly mels: number) {
    this.filters = melFilters(mels, BINS, SAMPLE_RATE);
  }

  /** @param samples mono at 16 kHz; filled up with silence to thirty seconds, or cut @returns [mels, 3000] */
  features(samples: Float32Array): Float32Array {
    const out = new Float32Array(this.mels * FRAMES).fill(Math.log10(LEAST_POWER));
    const length = Math.min(samples.length, FRAMES * HOP);
    // Two frames at once, as the real and the imaginary part of one. What is behind the last sound stays silence.
    const frames = Math.min(FRAMES, Math.ceil((length + WINDOW / 2) / HOP));
    const [a, b, real, imaginary] = Array.from({ length: 4 }, () => new Float64Array(WINDOW)) as Quartet;
    const power = new Float64Array(BINS);
    for (let frame = 0; frame < frames; frame += 2) {
      this.cut(samples, length, frame, a);
      this.cut(samples, length, frame + 1, b);
      this.fourier.transform(a, b, real, imaginary);
      for (const second of [false, true]) {
        for (let bin = 0; bin < BINS; bin++) power[bin] = powerOf(real, imaginary, bin, second);
        this.toMel(power, out, frame + Number(second));
      }
    }
    let loudest = -Infinity;
    for (const value of out) loudest = Math.max(loudest, value);
    return out.map((value) => (Math.max(value, loudest - RANGE) + 4) / 4);
  }

  /** The windowed samples around frame · 160; before the first sound is its mirror image, behind thirty seconds too. */
  private cut(samples: Float32Array, length: number, frame: number, into: Float64Array): void {
    const from = frame * HOP - WINDOW / 2;
    const end = FRAMES * HOP;
    for (let i = 0; i < WINDOW; i++) {
      const at = Math.abs(from + i);
      const mirrored = at < end ? at : 2 * (end - 1) - at;
      into[i] = mirrored < length ? samples[mirrored]! * this.window[i]! : 0;
    }
  }

  private toMel(power: Float64Array, out: Float32Array, frame: number): void {
    this.filters.forEach(({ first, weights }, mel) => {
      let sum = 0;
      for (let i = 0; i < weights.length; i++) sum += weights[i]! * power[first + i]!;
      out[mel * FRAMES + frame] = Math.log10(Math.max(LEAST_POWER, sum));
    });
  }
}

type Quartet = [Float64Array, Float64Array, Float64Array, Float64Array];

/** Squared magnitude of one of two real sequences that were transformed together. */
function powerOf(real: Float64Array, imaginary: Float64Array, bin: number, second: boolean): number {
  const mirror = (WINDOW - bin) % WINDOW;
  const sign = second ? -1 : 1;
  const x = real[bin]! + sign * real[mirror]!;
  const y = imaginary[bin]! - sign * imaginary[mirror]!;
  return (x * x + y * y) / 4;
}
