import type { KvShape } from '../pool/kv-shape.js';

/** Added to the scores of rows that hold nothing. Finite, so that a row of only such scores stays finite. */
export const HIDDEN = -1e9;

/** Capacities grow in steps of this many rows. */
const STEP = 64;

/** Milliseconds that memory is kept which nobody uses. */
export const KEPT_MS = 30_000;

const roundUp = (rows: number): number => Math.ceil(rows / STEP) * STEP;

/** A kernel that holds the rows of working sets itself. */
export interface RowHolder {
  /** Copies the rows that it holds to the arena, which is backed. */
  restore(member: WorkingSet): void;
  /** The second becomes what the first is. */
  copy(from: WorkingSet, to: WorkingSet): void;
  /** The working set is no longer needed. */
  leave(member: WorkingSet): void;
}

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
  /** Rows up to here come from pages, whose numbers were checked; those after it are cleared when the sequence leaves. */
  checked = 0;
  /** Rows of which a kernel has a copy, or that it alone has. */
  copied = 0;
  holder: RowHolder | undefined;

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
    const size = count * this.arena.shape.headDim;
    const to = this.at(head, row);
    copy(keys, head * size, size, this.arena.keys[layer]!, to);
    copy(values, head * size, size, this.arena.values[layer]!, to);
  }

  /**
   * Takes in the first `count` of `given` new rows of one layer, and shows them.
   * @param keys [kvHeads, given, headDim] from element `from`
   * @param values likewise
   */
  append(layer: number, count: number, given: number, keys: Float32Array, values: Float32Array, from: number): void {
    const { kvHeads, headDim } = this.arena.shape;
    for (let head = 0; head < kvHeads; head++) {
      const start = from + head * given * headDim;
      const to = this.at(head, this.length);
      copy(keys, start, count * headDim, this.arena.keys[layer]!, to);
      copy(values, start, count * headDim, this.arena.values[layer]!, to);
      this.show(layer, head, this.length, this.length + count);
    }
  }

  /** Becomes what another one of the arena is. */
  become(other: WorkingSet): void {
    this.length = other.length;
    this.position = other.position;
    this.checked = other.checked;
    this.copied = 0;
    if (this.arena.backed) this.arena.copySlot(other.slot, this.slot);
    else other.holder?.copy(other, this);
  }

  /** `count` rows were appended that a kernel has. */
  grow(count: number): void {
    this.length += count;
    this.position += count;
    this.copied = this.length;
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
    this.copied = Math.min(this.copied, length);
    this.position -= this.length - length;
    this.length = length;
  }

  /** Offset of the bias of row 0 of one layer and KV head. */
  biasAt(layer: number, head: number): number {
    const { capacity, shape } = this.arena;
    return ((this.slot * shape.layers + layer) * shape.kvHeads + head) * capacity;
  }
}

/** Up to so many numbers are copied one by one: views of them would cost more than the copy. */
const FEW = 256;

function copy(from: Float32Array, start: number, count: number, to: Float32Array, at: number): void {
  if (count > FEW) to.set(from.subarray(start, start + count), at);
  else for (let i = 0; i < count; i++) to[at + i] = from[start + i]!;
}

/**
 * Working sets that decode together, as one batch: per layer [slots, kvHeads, capacity, headDim] of keys and of values,
 * and [slots, layers, kvHeads, capacity] of bias, float32. Members occupy the first slots without gaps, so that any of
 * them that follow each other are views of this memory.
 *
 * Memory that was never touched costs as much to write as what is written into it, so it is kept for a while when
 * nobody is left. What it holds beyond the members' rows is any finite number, and hidden by the bias.
 */
export class Arena {
  readonly members: WorkingSet[] = [];
  keys: Float32Array[] = [];
  values: Float32Array[] = [];
  bias: Float32Array = new Float32Array(0);
  capacity = 0;
  /** Rows of a KV head that there is memory for, those of all slots together. */
  private rows = 0;
  private leaving: NodeJS.Timeout | undefined;
  private readonly backedAtFirst: boolean;

  /** @param backed whether the members' rows are in this memory, or only with a kernel that holds them, until somebody needs them here */
  constructor(
    readonly shape: KvShape,
    public backed = true,
  ) {
    this.backedAtFirst = backed;
  }

  get bytes(): number {
    const { layers, kvHeads, headDim } = this.shape;
    return layers * kvHeads * this.rows * (2 * headDim + 1) * 4;
  }

  /**
   * A new, empty working set with room for `rows`.
   * @param expected working sets that will soon be here, this one included: room for all of them is made at once, since
   *   every enlargement copies what is there
   */
  add(rows: number, expected = 1): WorkingSet {
    clearTimeout(this.leaving);
    const member = new WorkingSet(this);
    const slot = (member.slot = this.members.length);
    const capacity = Math.max(slot === 0 ? 0 : this.capacity, roundUp(rows));
    const enough = (slot + 1) * capacity <= this.rows;
    this.layOut(capacity, enough ? this.rows : Math.max(expected, slot * 2) * capacity);
    const size = this.shape.layers * this.shape.kvHeads * capacity;
    this.bias.fill(HIDDEN, slot * size, (slot + 1) * size);
    this.members.push(member);
    return member;
  }

  /** From now on, until nobody is left, the members' rows are in this memory too. */
  back(): void {
    if (this.backed) return;
    const { capacity } = this;
    this.backed = true;
    this.capacity = 0;
    try {
      this.layOut(capacity, this.members.length * capacity);
      for (const member of this.members) member.holder?.restore(member);
    } catch (error) {
      // No memory for it: its rows are where they were.
      this.free();
      this.capacity = capacity;
      throw error;
    }
  }

  /** Makes room for `rows` rows in every member. */
  reserve(rows: number): void {
    if (rows <= this.capacity) return;
    const capacity = roundUp(rows + rows / 4);
    this.layOut(capacity, Math.max(this.rows, this.members.length * capacity));
  }

  /**
   * Working sets of answers that are written side by side go where those go.
   * @param from which of the members each one continues: one that several continue is copied, one that none does leaves
   */
  follow(members: readonly WorkingSet[], from: readonly number[]): WorkingSet[] {
    const free = members.filter((_, i) => !from.includes(i));
    const next = from.map((at, i) => {
      const member = members[at]!;
      if (from.indexOf(at) === i) return member;
      const copy = free.pop() ?? this.add(member.length + 1);
      copy.become(member);
      return copy;
    });
    for (const member of free) this.remove(member);
    return next;
  }

  /** What is in one slot is in the other, too. */
  copySlot(from: number, to: number): void {
    const { kvHeads, headDim, layers } = this.shape;
    const rows = kvHeads * this.capacity;
    const move = (data: Float32Array, size: number): void => {
      data.copyWithin(to * size, from * size, (from + 1) * size);
    };
    for (const data of [...this.keys, ...this.values]) move(data, rows * headDim);
    move(this.bias, layers * rows);
  }

  /** The last member takes the leaver's slot. What a faulty sequence left must not spread: its own rows are cleared. */
  remove(member: WorkingSet): void {
    member.holder?.leave(member);
    const last = this.members.pop();
    if (last === undefined) return;
    if (this.backed) this.clear(member, last);
    if (last !== member) {
      this.members[member.slot] = last;
      last.slot = member.slot;
    }
    if (this.members.length > 0) return;
    // Whoever comes next is with the kernel again.
    if (this.backed && !this.backedAtFirst) this.free();
    else this.leaving = setTimeout(() => this.free(), KEPT_MS).unref();
  }

  /** Gives its memory back at once. */
  dispose(): void {
    clearTimeout(this.leaving);
    this.free();
  }

  /** Moves the last one's rows to the leaver's slot, and clears those of the last slot. */
  private clear(member: WorkingSet, last: WorkingSet): void {
    const { kvHeads } = this.shape;
    if (last !== member) this.copySlot(last.slot, member.slot);
    for (const data of [...this.keys, ...this.values])
      for (let head = 0; head < kvHeads; head++)
        data.fill(0, last.at(head, last.checked), last.at(head, this.capacity));
  }

  private free(): void {
    this.keys = [];
    this.values = [];
    this.bias = new Float32Array(0);
    this.rows = 0;
    this.capacity = 0;
    this.backed = this.backedAtFirst;
  }

  /** Gives the members `capacity` rows, not fewer than they have, in memory for `rows`. */
  private layOut(capacity: number, rows: number): void {
    if (!this.backed) {
      this.capacity = capacity;
      return;
    }
    if (capacity === this.capacity && rows === this.rows) return;
    const { layers, kvHeads, headDim } = this.shape;
    /** `heads` runs a slot of `width` numbers a row. */
    const move = (from: Float32Array | undefined, heads: number, width: number, empty: number): Float32Array => {
      const to = from === undefined || rows > this.rows ? new Float32Array(rows * heads * width) : from;
      const [oldRun, newRun] = [this.capacity * width, capacity * width];
      // From the last on: in the same memory, none is then overwritten before it was moved.
      for (let i = this.members.length * heads - 1; from && i >= 0; i--) {
        if (to === from) to.copyWithin(i * newRun, i * oldRun, (i + 1) * oldRun);
        else to.set(from.subarray(i * oldRun, (i + 1) * oldRun), i * newRun);
        if (to === from || empty !== 0) to.fill(empty, i * newRun + oldRun, (i + 1) * newRun);
      }
      return to;
    };
    for (let layer = 0; layer < layers; layer++) {
      this.keys[layer] = move(this.keys[layer], kvHeads, headDim, 0);
      this.values[layer] = move(this.values[layer], kvHeads, headDim, 0);
    }
    this.bias = move(this.bias, layers * kvHeads, 1, HIDDEN);
    this.capacity = capacity;
    this.rows = rows;
  }
}
