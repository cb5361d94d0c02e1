/** Samples that there is room for at first: what is held of a recording in which nothing is long. */
const ROOM = 1 << 19;

/**
 * The last part of a stream of samples, addressed by position in the whole stream. It is copied into one block, so that nobody holds the
 * pieces that came: those that are held for a while are collected much later than those that are not.
 */
export class SoundBuffer {
  private block = new Float32Array(ROOM);
  /** Positions of the first sample of the block, and of the first that is still wanted. */
  private origin = 0;
  private wanted = 0;
  private total = 0;

  /** Samples that have come. */
  get length(): number {
    return this.total;
  }

  push(samples: Float32Array): void {
    if (this.total - this.origin + samples.length > this.block.length) this.makeRoom(samples.length);
    this.block.set(samples, this.total - this.origin);
    this.total += samples.length;
  }

  /** A copy of the samples from `start` to `end`; what was forgotten is 0, what is beyond the end of the stream is left out. */
  slice(start: number, end: number): Float32Array {
    const from = Math.max(0, start);
    const out = new Float32Array(Math.max(0, Math.min(end, this.total) - from));
    const held = Math.min(from + out.length, Math.max(from, this.wanted));
    out.set(this.block.subarray(held - this.origin, from + out.length - this.origin), held - from);
    return out;
  }

  /** Forgets what lies before a position. */
  forget(before: number): void {
    this.wanted = Math.min(this.total, Math.max(this.wanted, before));
  }

  private makeRoom(more: number): void {
    const kept = this.block.subarray(this.wanted - this.origin, this.total - this.origin);
    let size = this.block.length;
    while (kept.length + more > size) size *= 2;
    if (size > this.block.length) {
      const larger = new Float32Array(size);
      larger.set(kept);
      this.block = larger;
    } else this.block.set(kept);
    this.origin = this.wanted;
  }
}
