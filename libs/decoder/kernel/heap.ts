import { HEAP } from './layout.js';

const PAGE = 65_536;

/** The kernel's memory, which grows at its end; what was taken after `keep` is given back by `release`. */
export class KernelHeap {
  readonly memory = new WebAssembly.Memory({ initial: 1, maximum: PAGE, shared: true });
  private next = HEAP;
  private kept = HEAP;

  /** @returns the address of `bytes` bytes, a multiple of 64 */
  take(bytes: number): number {
    const address = this.next;
    this.next = Math.ceil((address + bytes) / 64) * 64;
    this.reach(this.next);
    return address;
  }

  /** Copies numbers behind everything taken, and makes room for `more` bytes after them; the next call overwrites them. */
  stage(data: Uint8Array | Float32Array, more = 0): number {
    this.reach(this.next + data.byteLength + more);
    new Uint8Array(this.memory.buffer, this.next).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    return this.next;
  }

  keep(): void {
    this.kept = this.next;
  }

  release(): void {
    this.next = this.kept;
  }

  private reach(end: number): void {
    // Vectors are read a little beyond the end of a row.
    const missing = end + 256 - this.memory.buffer.byteLength;
    if (missing > 0) this.memory.grow(Math.ceil(missing / PAGE));
  }
}
