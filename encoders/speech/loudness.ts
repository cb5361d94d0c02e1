/** Loudest that a stretch is made, and by how much at most: 32 dB. */
const TARGET_PEAK = 0.5;
const MOST_GAIN = 40;
/** Quieter than −66 dB is silence, whatever it holds. */
const SILENCE = 0.0005;

/** Samples brought to a level that models know; what is loud enough stays as it is. */
export function normaliseLoudness(samples: Float32Array): Float32Array {
  let peak = 0;
  for (const value of samples) peak = Math.max(peak, Math.abs(value));
  if (peak >= TARGET_PEAK / 4 || peak < SILENCE) return samples;
  const gain = Math.min(MOST_GAIN, TARGET_PEAK / peak);
  return samples.map((value) => value * gain);
}

/** Seconds after which a loud sound no longer keeps the gain down. */
const MEMORY = 20;

/**
 * A slow automatic gain for the voice activity detector, which does not hear very quiet speech.
 * The level is the loudest second of the last 20; it falls slowly, so that a pause does not become loud.
 */
export class SlowGain {
  private level = 0;

  apply(samples: Float32Array, sampleRate: number): Float32Array {
    let peak = 0;
    for (const value of samples) peak = Math.max(peak, Math.abs(value));
    this.level = Math.max(peak, this.level * Math.exp(-samples.length / sampleRate / MEMORY));
    if (this.level >= TARGET_PEAK / 4 || this.level < SILENCE) return samples;
    const gain = Math.min(MOST_GAIN, TARGET_PEAK / this.level);
    return samples.map((value) => value * gain);
  }
}
