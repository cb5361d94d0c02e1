import { KERNEL } from './generated/kernel.js';

/** What the compiled kernel offers; addresses and sizes are bytes of the shared memory. */
export interface KernelExports {
  init(): void;
  /** Rows of blocks of four bits of a GGUF file, to 16 bytes for every four blocks and 20 for each. */
  packFour(from: number, rows: number, blocks: number, to: number): void;
  /** Rows of blocks of eight bits of a file, or of floats, to 36 bytes a block. */
  packEight(from: number, rows: number, blocks: number, to: number): void;
  packFloats(from: number, rows: number, blocks: number, to: number): void;
  /** An adapter's factors: f32 [rank, rows] to i16 [rows, padded], times `rate`; f32 [columns, rank] to f32 [padded, columns]. */
  packLow(from: number, rank: number, padded: number, rows: number, rate: number, to: number): void;
  turnLow(from: number, rank: number, padded: number, columns: number, factor: number, to: number): void;
  /** Bytes of a working set of CAPACITY rows. */
  workingSetBytes(): number;
  /** Rows of one layer and KV head: f32 keys, values [to - from, headDim] and bias [to - from]. */
  writeRows(layer: number, head: number, from: number, to: number, keys: number, values: number, bias: number): void;
  step(): void;
  help(thread: number): void;
  /** Ends the helpers. */
  end(): void;
}

let compiled: WebAssembly.Module | undefined;

/** The kernel over `memory`. */
export function instantiate(memory: WebAssembly.Memory): KernelExports {
  compiled ??= new WebAssembly.Module(Buffer.from(KERNEL, 'base64'));
  return new WebAssembly.Instance(compiled, { env: { memory } }).exports as unknown as KernelExports;
}
