import { release, type Adapter, type DecoderConfig, type GgufFile } from '#runtime';
import type { KernelExports } from './exports.js';
import type { KernelHeap } from './heap.js';
import * as at from './layout.js';
import { BLOCK, fitsBlocks, headName, inOrder, partsOf, readTensor, type LayerPart } from './parts.js';

const FOUR_BYTES = 20;
const EIGHT_BYTES = 36;
/** Weights that are packed at once, about. */
const PIECE_BYTES = 2 ** 20;
/** Largest rounded number of an adapter's second factor. */
const LOW_PEAK = 4095;

/** A matrix of a layer and its place in the table. */
interface PartPlan extends LayerPart {
  place: number;
  /** First row in what its product gives, and first number of what the adapter's first factor gives. */
  row: number;
  low: number;
  lowIndex: number;
}

/** Largest rank of an adapter: those of three parts that are computed together have room for so many numbers each. */
const MOST_RANK = Math.floor(at.LOW_RANKS / 24) * 8;

/** Whether the kernel can hold the model: its sizes fill whole blocks, and its memory is at most 4 GiB. */
export function fitsKernel(config: DecoderConfig, adapter: Adapter | undefined): boolean {
  const { hidden, feedForward, heads, kvHeads, headDim, vocabulary, layers } = config;
  const weights = layers * (2 * hidden * (heads + kvHeads) * headDim + 3 * hidden * feedForward);
  return (
    fitsBlocks(config, adapter, MOST_RANK) &&
    headDim <= 256 &&
    ((weights + hidden * vocabulary) * EIGHT_BYTES) / BLOCK < 3 * 2 ** 30
  );
}

/** Copies a model's weights into the kernel's memory and writes its tables. */
export class WeightWriter {
  private readonly view = (): DataView => new DataView(this.heap.memory.buffer);

  constructor(
    private readonly gguf: GgufFile,
    private readonly config: DecoderConfig,
    private readonly adapter: Adapter | undefined,
    private readonly kernel: KernelExports,
    private readonly heap: KernelHeap,
  ) {}

  /** @param evidenceLayers layers whose attention is reported */
  async write(evidenceLayers: readonly number[]): Promise<void> {
    const { layers, hidden, vocabulary } = this.config;
    const table = this.heap.take(layers * at.LAYER_BYTES);
    for (let layer = 0; layer < layers; layer++) {
      const place = table + layer * at.LAYER_BYTES;
      const name = (part: string): string => `blk.${layer}.${part}`;
      this.set(place + at.ATTENTION_NORM, await this.vector(name('attn_norm.weight')));
      this.set(place + at.FEED_FORWARD_NORM, await this.vector(name('ffn_norm.weight')));
      this.set(place + at.QUERY_NORM, await this.vector(name('attn_q_norm.weight')));
      this.set(place + at.KEY_NORM, await this.vector(name('attn_k_norm.weight')));
      this.set(place + at.EVIDENCE, evidenceLayers.indexOf(layer));
      for (const part of plansOf(this.config)) await this.part({ ...part, name: name(part.name) }, place + part.place);
    }
    const head = this.heap.take(at.PART_BYTES);
    const name = headName(this.gguf);
    const plan = { name, place: 0, rows: vocabulary, columns: hidden, row: 0, low: 0, lowIndex: 0, rotated: false };
    await this.part(plan, head);
    this.set(at.LAYER_TABLE, table);
    this.set(at.HEAD_PART, head);
    this.set(at.OUTPUT_NORM, await this.vector('output_norm.weight'));
  }

  private set(place: number, value: number): void {
    this.view().setInt32(place, value, true);
  }

  private async part(plan: PartPlan, place: number): Promise<void> {
    const { name, rows, columns } = plan;
    const blocks = columns / BLOCK;
    const { bits, weights } = await this.weights(plan, blocks);
    const fields: [field: number, value: number][] = [
      [at.PART_BITS, bits],
      [at.PART_ROWS, rows],
      [at.PART_BLOCKS, blocks],
      [at.PART_WEIGHTS, weights],
      [at.PART_BIAS, await this.vector(`${name}.bias`, plan)],
      [at.PART_AT, plan.row],
      [at.PART_LOW_AT, plan.low],
      [at.PART_LOW_INDEX, plan.lowIndex],
    ];
    for (const [field, value] of fields) this.set(place + field, value);
    this.lowRank(plan, blocks, place);
  }

  private ordered<T extends Float32Array | Uint8Array>(plan: PartPlan, rows: T, perRow: number): T {
    return inOrder(this.config, plan, rows, perRow);
  }

  /** Blocks of four bits with a minimum, and of eight, stay as they are; anything else becomes blocks of eight. */
  private async weights(plan: PartPlan, blocks: number): Promise<{ bits: number; weights: number }> {
    const name = `${plan.name}.weight`;
    const { format, data: inFile } = await readTensor(this.gguf, name, ['Q4_1', 'Q8_0']);
    const { rows } = plan;
    const bits = format === 'Q4_1' ? 4 : 8;
    const size = bits === 4 ? Math.ceil(blocks / 4) * 16 + blocks * FOUR_BYTES : blocks * EIGHT_BYTES;
    const weights = this.heap.take(rows * size);
    const { packFour, packEight, packFloats } = this.kernel;
    const pack = format === 'Q4_1' ? packFour : format === 'Q8_0' ? packEight : packFloats;
    const perRow = inFile.length / rows;
    const from = this.ordered(plan, inFile, perRow);
    // In pieces: a table of all words would need its memory twice.
    const step = Math.ceil(PIECE_BYTES / size);
    for (let row = 0; row < rows; row += step) {
      const count = Math.min(step, rows - row);
      const staged = this.heap.stage(from.subarray(row * perRow, (row + count) * perRow));
      pack(staged, count, blocks, weights + row * size);
    }
    // Small buffers of files share their memory with others.
    if (from.byteLength === from.buffer.byteLength) release([from.buffer]);
    return { bits, weights };
  }

  /** The adapter stays beside the weights: with it in them they would need more bits. */
  private lowRank(plan: PartPlan, blocks: number, place: number): void {
    const low = this.adapter?.matrix(plan.name);
    if (!low) return this.set(place + at.PART_RANK, 0);
    const { a, b, rank } = low;
    const [columns, rows] = [a.length / rank, b.length / rank];
    const padded = Math.ceil(rank / 8) * 8;
    const lowIn = this.heap.take(padded * blocks * EIGHT_BYTES);
    const lowOut = this.heap.take(rows * padded * 2);
    const bytes = a.byteLength;
    const staged = this.heap.stage(a, padded * columns * 4);
    const turned = staged + bytes;
    this.kernel.turnLow(staged, rank, padded, columns, this.adapter!.scale, turned);
    this.kernel.packFloats(turned, padded, blocks, lowIn);
    const peak = b.reduce((most, x) => Math.max(most, Math.abs(x)), 0) || 1;
    this.kernel.packLow(this.heap.stage(this.ordered(plan, b, 1)), rank, padded, rows, LOW_PEAK / peak, lowOut);
    this.set(place + at.PART_RANK, padded);
    this.set(place + at.PART_LOW_IN, lowIn);
    this.set(place + at.PART_LOW_OUT, lowOut);
    this.view().setFloat32(place + at.PART_LOW_SCALE, peak / LOW_PEAK, true);
  }

  /** @returns the address of a vector of floats, 0 where the file has none of that name */
  private async vector(name: string, plan?: PartPlan): Promise<number> {
    if (!this.gguf.has(name)) return 0;
    const floats = await this.gguf.floats(name);
    const address = this.heap.take(floats.byteLength);
    new Float32Array(this.heap.memory.buffer, address, floats.length).set(
      plan ? this.ordered(plan, floats, 1) : floats,
    );
    return address;
  }
}

/** The products of a layer, in the order of the table. */
function plansOf(config: DecoderConfig): PartPlan[] {
  const { heads, kvHeads, headDim, feedForward } = config;
  const [q, kv] = [heads * headDim, kvHeads * headDim];
  const places: [place: number, row: number, lowIndex: number][] = [
    [at.QUERY_PART, 0, 0],
    [at.KEY_PART, q, 1],
    [at.VALUE_PART, q + kv, 2],
    [at.OUTPUT_PART, 0, 0],
    [at.GATE_PART, 0, 0],
    [at.UP_PART, feedForward, 1],
    [at.DOWN_PART, 0, 0],
  ];
  return partsOf(config).map((part, i) => {
    const [place, row, lowIndex] = places[i]!;
    return { ...part, place, row, lowIndex, low: lowIndex * MOST_RANK };
  });
}
