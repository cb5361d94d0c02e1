/** The mean of a picture's visual tokens [frames, rows, d] as int8 [frames, d], each row scaled to its largest number. */
export function lookOf(tokens: Float32Array, rows: number, d: number): Int8Array {
  const frames = tokens.length / (rows * d);
  const look = new Int8Array(frames * d);
  for (let frame = 0; frame < frames; frame++) {
    const mean = new Float32Array(d);
    const from = frame * rows * d;
    for (let i = 0; i < rows * d; i++) mean[i % d]! += tokens[from + i]!;
    const peak = mean.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    if (peak > 0) for (let i = 0; i < d; i++) look[frame * d + i] = Math.round((127 * mean[i]!) / peak);
  }
  return look;
}
