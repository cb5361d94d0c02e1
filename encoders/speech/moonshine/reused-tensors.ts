import { elements, tensor, type Tensor } from '#runtime';

/**
 * Floats that are asked for at least. A block of so many bytes is mapped by malloc for itself (its threshold goes up to 32 MiB),
 * so what of it was never written takes no memory, and nothing is left behind by blocks that were outgrown.
 */
const LEAST = 9 << 20;

/** Tensors in memory that is taken over by the next ones: what is allocated for each run waits for the garbage collector. */
export class ReusedTensors {
  private floats = new Float32Array(0);

  /** Tensors of one shape, good until the next call. Their values are whatever was there. */
  take(names: readonly string[], dims: readonly number[]): Record<string, Tensor<'float32'>> {
    const size = elements(dims);
    if (this.floats.length < names.length * size) this.floats = new Float32Array(Math.max(LEAST, names.length * size));
    return Object.fromEntries(
      names.map((name, n) => [name, tensor('float32', dims, this.floats.subarray(n * size, (n + 1) * size))]),
    );
  }
}
