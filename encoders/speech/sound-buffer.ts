/** The last part of a stream of samples, addressed by position in the whole stream. */
export class SoundBuffer {
  private pieces: { at: number; samples: Float32Array }[] = [];
  private total = 0;

  /** Samples that have come. */
  get length(): number {
    return this.total;
  }

  push(samples: Float32Array): void {
    this.pieces.push({ at: this.total, samples });
    this.total += samples.length;
  }

  /** A copy of the samples from `start` to `end`; what is beyond the end of the stream is left out. */
  slice(start: number, end: number): Float32Array {
    const from = Math.max(0, start);
    const to = Math.min(end, this.total);
    const out = new Float32Array(Math.max(0, to - from));
    for (const { at, samples } of this.pieces) {
      const begin = Math.max(from, at);
      const stop = Math.min(to, at + samples.length);
      if (begin < stop) out.set(samples.subarray(begin - at, stop - at), begin - from);
    }
    return out;
  }

  /** Forgets what lies wholly before a position. */
  forget(before: number): void {
    while (this.pieces.length > 0 && this.pieces[0]!.at + this.pieces[0]!.samples.length <= before) this.pieces.shift();
  }
}
