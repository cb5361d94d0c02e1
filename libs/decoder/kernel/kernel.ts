import type { Worker } from 'node:worker_threads';
import { openGguf, readAdapter, rotaryFrequencies, spawnWorker, type DecoderConfig } from '#runtime';
import { writePhases } from '../pool/rotary.js';
import type { WorkingSet } from '../runner/arena.js';
import type { StepBatch, StepKernel, StepResult } from './step-kernel.js';
import { instantiate, type KernelExports } from './exports.js';
import { KernelHeap } from './heap.js';
import * as at from './layout.js';
import { fitsKernel, WeightWriter } from './weights.js';

export interface KernelOptions {
  /** The base model. */
  gguf: string;
  adapter?: string;
  config: DecoderConfig;
  threads: number;
  /** Layers whose attention is reported. */
  evidenceLayers: readonly number[];
}

/** Rows whose copy is worth its memory; 24 KB each. */
const MOST_ROWS = 4096;

/**
 * Steps of one sequence with one new token on the processor, in WebAssembly: one pass over the weights as the file holds them, four bits each,
 * where onnxruntime reads eight (docs/decisions/0046). It keeps a rounded copy of the working set that it stepped last.
 */
export class Kernel implements StepKernel {
  private readonly frequencies: Float64Array;
  private readonly helpers: Worker[];
  private holder: WorkingSet | undefined;
  private capacity = 0;
  private staging = 0;

  private constructor(
    private readonly config: DecoderConfig,
    private readonly evidenceLayers: readonly number[],
    private readonly kernel: KernelExports,
    private readonly heap: KernelHeap,
    threads: number,
  ) {
    this.frequencies = rotaryFrequencies(config);
    this.helpers = Array.from({ length: threads - 1 }, (_, i) => {
      const worker = spawnWorker(new URL('./helper.js', import.meta.url), {
        name: 'decoder kernel',
        workerData: { memory: heap.memory, thread: i + 1 },
      });
      worker.unref();
      return worker;
    });
  }

  /** @returns undefined where the kernel cannot hold the model */
  static async open(options: KernelOptions): Promise<Kernel | undefined> {
    const { config, threads, evidenceLayers } = options;
    const adapter = options.adapter === undefined ? undefined : await readAdapter(options.adapter);
    if (!fitsKernel(config, adapter)) return undefined;
    const heap = new KernelHeap();
    const kernel = instantiate(heap.memory);
    kernel.init();
    const gguf = await openGguf(options.gguf);
    try {
      await new WeightWriter(gguf, config, adapter, kernel, heap).write(evidenceLayers);
    } finally {
      await gguf.close();
    }
    writeModel(config, threads, heap);
    return new Kernel(config, evidenceLayers, kernel, heap, threads);
  }

  /** One token of one sequence. */
  takes({ members, S, appended }: StepBatch): boolean {
    return members.length === 1 && S === 1 && appended[0] === 1 && members[0]!.length < MOST_ROWS;
  }

  step({ members, embeddings }: StepBatch): StepResult {
    const { layers, kvHeads, headDim, vocabulary } = this.config;
    const member = members[0]!;
    this.hold(member);
    this.set32(at.LENGTH, member.length);
    this.floats(at.RESIDUAL, embeddings.length).set(embeddings);
    writePhases(this.frequencies, member.length, this.floats(at.PHASES, headDim));
    this.kernel.step();
    const size = kvHeads * this.capacity;
    const mass = this.floats(at.MASS, this.evidenceLayers.length * size);
    const row = kvHeads * headDim;
    const [keys, values] = [this.floats(at.NEW_KEYS, layers * row), this.floats(at.NEW_VALUES, layers * row)];
    for (let layer = 0; layer < layers; layer++) member.append(layer, 1, 1, keys, values, layer * row);
    member.grow(1);
    return {
      logits: this.floats(at.PRODUCT, vocabulary),
      mass: this.evidenceLayers.map((_, i) => mass.subarray(i * size, (i + 1) * size)),
      capacity: this.capacity,
    };
  }

  async dispose(): Promise<void> {
    this.kernel.end();
    await Promise.all(this.helpers.map((helper) => helper.terminate()));
  }

  /** Copies what the kernel does not have yet of a working set. */
  private hold(member: WorkingSet): void {
    const { layers, kvHeads, headDim } = this.config;
    const { arena } = member;
    if (this.holder !== member) {
      if (this.holder) this.holder.copied = 0;
      this.holder = member;
      member.copied = 0;
    }
    if (member.length >= this.capacity) {
      this.makeRoom(member.length + 1);
      member.copied = 0;
    }
    const [from, to] = [member.copied, member.length];
    if (from >= to) return;
    const count = to - from;
    const bytes = count * headDim * 4;
    const keys = new Float32Array(this.heap.memory.buffer, this.staging, count * headDim);
    const values = new Float32Array(this.heap.memory.buffer, this.staging + bytes, count * headDim);
    const bias = new Float32Array(this.heap.memory.buffer, this.staging + 2 * bytes, count);
    for (let layer = 0; layer < layers; layer++)
      for (let head = 0; head < kvHeads; head++) {
        const row = member.at(head, from);
        keys.set(arena.keys[layer]!.subarray(row, row + count * headDim));
        values.set(arena.values[layer]!.subarray(row, row + count * headDim));
        const hidden = member.biasAt(layer, head) + from;
        bias.set(arena.bias.subarray(hidden, hidden + count));
        this.kernel.writeRows(layer, head, from, to, keys.byteOffset, values.byteOffset, bias.byteOffset);
      }
    member.copied = to;
  }

  /** Memory that depends on the rows lies behind everything else. */
  private makeRoom(rows: number): void {
    const { heads, kvHeads, headDim } = this.config;
    this.capacity = Math.ceil((rows + rows / 4) / at.CHUNK) * at.CHUNK;
    const { capacity, heap } = this;
    heap.release();
    this.set32(at.CAPACITY, capacity);
    const buffers: [field: number, bytes: number][] = [
      [at.EXPONENTIALS, heads * capacity * 4],
      [at.MASS, this.evidenceLayers.length * kvHeads * capacity * 4],
      [at.PARTIALS, heads * (capacity / at.CHUNK) * (at.PARTIAL + headDim) * 4],
      [at.WORKING_SET, this.kernel.workingSetBytes()],
    ];
    for (const [field, bytes] of buffers) this.set32(field, heap.take(bytes));
    this.staging = heap.take(capacity * (2 * headDim + 1) * 4);
  }

  private floats(field: number, count: number): Float32Array {
    return new Float32Array(this.heap.memory.buffer, this.get32(field), count);
  }

  private get32(field: number): number {
    return new Int32Array(this.heap.memory.buffer)[field / 4]!;
  }

  private set32(field: number, value: number): void {
    new Int32Array(this.heap.memory.buffer)[field / 4] = value;
  }
}

/** Sizes, and the buffers that do not depend on a working set's rows. */
function writeModel(config: DecoderConfig, threads: number, heap: KernelHeap): void {
  const { hidden, heads, kvHeads, headDim, feedForward, layers, vocabulary } = config;
  const widest = Math.ceil(Math.max(hidden, feedForward, heads * headDim) / 128) * 128;
  const tallest = Math.max(vocabulary, 2 * feedForward, (heads + 2 * kvHeads) * headDim);
  const cells = new Map<number, number>([
    [at.THREADS, threads],
    [at.HIDDEN, hidden],
    [at.HEADS, heads],
    [at.KV_HEADS, kvHeads],
    [at.HEAD_DIM, headDim],
    [at.FEED_FORWARD, feedForward],
    [at.LAYERS, layers],
    [at.ACTIVATION, config.activation === 'silu' ? 0 : 1],
    [at.RESIDUAL, heap.take(hidden * 4)],
    [at.PHASES, heap.take(headDim * 4)],
    [at.PRODUCT, heap.take(tallest * 4)],
    [at.ENTERING, heap.take(widest * 4)],
    [at.ROUNDED, heap.take(widest * 2)],
    [at.ROUNDED_SCALE, heap.take(4)],
    [at.SUMS, heap.take(widest / 8)],
    [at.LOW, heap.take(at.LOW_RANKS * 2)],
    [at.LOW_SCALES, heap.take(16)],
    [at.QUERIES, heap.take(heads * headDim * 2)],
    [at.QUERY_SCALES, heap.take(heads * 4)],
    [at.NEW_KEYS, heap.take(layers * kvHeads * headDim * 4)],
    [at.NEW_VALUES, heap.take(layers * kvHeads * headDim * 4)],
    [at.SCRATCH, heap.take(threads * at.SCRATCH_BYTES)],
  ]);
  const view = new DataView(heap.memory.buffer);
  for (const [field, value] of cells) view.setInt32(field, value, true);
  view.setFloat32(at.EPSILON, config.normEpsilon, true);
  heap.keep();
}
