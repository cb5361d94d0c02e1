import type { KvShape } from '../pool/kv-shape.js';

/** Added to the scores of rows that hold nothing. Finite, so that a row of only such scores stays finite. */
export const HIDDEN = -1e9;

/** Capacities grow in steps of this many rows. */
const STEP = 64;

const roundUp = (rows: number): number => Math.ceil(rows / STEP) * STEP;

/**
 * The working set of one sequence: for every layer and KV head the same number of rows, keys rotated at contiguous
 * positions. Rows beyond `length`, and holes left by partly filled pages, are hidden by the bias.
 */
export class WorkingSet {
  /** Rows in use. */
  length = 0;
  /** Position of the next token; less than `length` where partly filled pages leave holes. */
  position = 0;
  /** Place in the arena; changes when another sequence leaves. */
  slot = 0;

  constructor(readonly arena: Arena) {}

  /** Offset of row `row` of a KV head in the arena's keys and values of any layer. */
  at(head: number, row: number): number {
    const { capacity, shape } = this.arena;
    return ((this.slot * shape.kvHeads + head) * capacity + row) * shape.headDim;
  }

  /** Shows (or hides) rows `from` to `to` of one layer and KV head. */
  show(layer: number, head: number, from: number, to: number, shown = true): void {
    const start = this.biasAt(layer, head);
    this.arena.bias.fill(shown ? 0 : HIDDEN, start + from, start + to);
  }

  /** Copies `count` rows of one KV head from [kvHeads, count, headDim] to the rows from `row` on. */
  write(layer: number, head: number, row: number, count: number, keys: Float32Array, values: Float32Array): void {
    const { headDim } = this.arena.shape;
    const [from, end] = [head * count * headDim, (head + 1) * count * headDim];
    const to = this.at(head, row);
    this.arena.keys[layer]!.set(keys.subarray(from, end), to);
    this.arena.values[layer]!.set(values.subarray(from, end), to);
  }

  /** Sets the bias of the rows from `row` on. */
  hideBy(layer: number, head: number, row: number, bias: Float32Array): void {
    this.arena.bias.set(bias, this.biasAt(layer, head) + row);
  }

  /** Drops the rows from `length` on, as after refused draft tokens. */
  truncate(length: number): void {
    const { layers, kvHeads } = this.arena.shape;
    for (let layer = 0; layer < layers; layer++)
      for (let head = 0; head < kvHeads; head++) this.show(layer, head, length, this.length, false);
    this.position -= this.length - length;
    this.length = length;
  }

  private biasAt(layer: number, head: number): number {
    const { capacity, shape } = this.arena;
    return ((this.slot * shape.layers + layer) * shape.kvHeads + head) * capacity;
  }
}

/**
 * Working sets that decode together, as one batch: per layer [slots, kvHeads, capacity, headDim] of keys and of values,
 * and [slots, layers, kvHeads, capacity] of bias, float32. Members occupy the first slots without gaps, so that any of
 * them that follow each other are views of this memory.
 */
export class Arena {
  readonly members: WorkingSet[] = [];
  keys: Float32Array[] = [];
  values: Float32Array[] = [];
  bias: Float32Array = new Float32Array(0);
  capacity = 0;
  private slots = 0;

  constructor(readonly shape: KvShape) {}

  get bytes(): number {
    const { layers, kvHeads, headDim } = this.shape;
    return layers * kvHeads * this.slots * this.capacity * (2 * headDim + 1) * 4;
  }

  /**
   * A new, empty working set with room for `rows`.
   * @param expected working sets that will soon be here, this one included: room for all of them is made at once, since
   *   every enlargement copies what is there
   */
  add(rows: number, expected = 1): WorkingSet {
    const member = new WorkingSet(this);
    member.slot = this.members.length;
    const slots = member.slot < this.slots ? this.slots : Math.max(expected, this.slots * 2);
    this.resize(slots, Math.max(this.capacity, roundUp(rows)));
    this.members.push(member);
    return member;
  }

  /** Makes room for `rows` rows in every member. */
  reserve(rows: number): void {
    if (rows > this.capacity) this.resize(this.slots, roundUp(rows + rows / 4));
  }

  /** The last member takes the leaver's slot, whose memory is cleared: what a faulty sequence left must not spread. */
  remove(member: WorkingSet): void {
    const last = this.members.pop();
    if (last === undefined) return;
    const { kvHeads, headDim, layers } = this.shape;
    const rows = kvHeads * this.capacity;
    const leave = (data: Float32Array, size: number, empty: number): void => {
      if (last !== member) data.copyWithin(member.slot * size, last.slot * size, (last.slot + 1) * size);
      data.fill(empty, last.slot * size, (last.slot + 1) * size);
    };
    for (const data of [...this.keys, ...this.values]) leave(data, rows * headDim, 0);
    leave(this.bias, layers * rows, HIDDEN);
    if (last !== member) {
      this.members[member.slot] = last;
      last.slot = member.slot;
    }
    if (this.members.length === 0) this.free();
  }

  private free(): void {
    this.keys = [];
    this.values = [];
    this.bias = new Float32Array(0);
    this.slots = 0;
    this.capacity = 0;
  }

  private resize(slots: number, capacity: number): void {
    if (slots === this.slots && capacity === this.capacity) return;
    const { layers, kvHeads, headDim } = this.shape;
    /** `heads` runs a slot of `width` numbers a row. */
    const move = (from: Float32Array | undefined, heads: number, width: number, empty: number): Float32Array => {
      const to = new Float32Array(slots * heads * capacity * width);
      if (empty !== 0) to.fill(empty);
      if (from === undefined) return to;
      const [oldRun, newRun] = [this.capacity * width, capacity * width];
      for (let i = 0; i < this.members.length * heads; i++)
        to.set(from.subarray(i * oldRun, (i + 1) * oldRun), i * newRun);
      return to;
    };
    for (let layer = 0; layer < layers; layer++) {
      this.keys[layer] = move(this.keys[layer], kvHeads, headDim, 0);
      this.values[layer] = move(this.values[layer], kvHeads, headDim, 0);
    }
    this.bias = move(this.bias, layers * kvHeads, 1, HIDDEN);
    this.slots = slots;
    this.capacity = capacity;
  }
}
