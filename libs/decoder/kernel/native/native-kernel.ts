import { openGguf, readAdapter, rotaryFrequencies, type DecoderConfig, type ReadRow } from '#runtime';
import { MOST_POSITIONS, writePhases } from '../../pool/rotary.js';
import { KEPT_MS, type RowHolder, type WorkingSet } from '../../runner/arena.js';
import { Prefilled } from '../../runner/prefilled.js';
import type { PrefixRows } from '../../runner/prefix-rows.js';
import type { PageChoice, PageRows, Selection } from '../../runner/selection.js';
import type { Int8Planes } from '../../pool/int8-page-store.js';
import { PAGE_TOKENS } from '../../pool/page-pool.js';
import type { KernelOptions } from '../kernel.js';
import type { StepBatch, StepKernel, StepResult } from '../step-kernel.js';
import { loadAddon, type KernelAddon, type NativeModel, type NativeSet } from './addon.js';
import { fitsNative, loadWeights, sharesWords } from './load-weights.js';

/** New tokens of a step, as in kernel.h. */
const MOST_TOKENS = 256;
/** Largest head whose pages it chooses, as in kernel.h. */
const MOST_DIM = 256;
/** Capacities are whole pieces of attention, see kernel.h. */
const CHUNK = 128;

/** Rows that a question and the beginning of its answer find free; more are made when they are needed. */
const FREE_ROWS = 64;

interface Held {
  set: NativeSet;
  capacity: number;
}

/**
 * The decoder in C, for vectors of 256 or 512 bits (docs/decisions/0048): prefill, questions that choose pages, and steps of few new tokens, of one
 * sequence or of many. Weights are the file's four bits; it holds the rows of working sets in eight bits, and an arena has them only where it is
 * backed. What a token gets does not depend on which others it is computed with, to the last bit.
 */
export class NativeKernel implements StepKernel, RowHolder {
  /** As measured on two cores over 512 rows; only the ratio matters. */
  readonly draftCosts = { step: 4.5, checking: 4, token: 1 };
  readonly embed: ReadRow | undefined;
  private readonly frequencies: Float64Array;
  private readonly sets = new Map<WorkingSet, Held>();
  private trimming: NodeJS.Timeout | undefined;
  private logits = new Float32Array(0);
  private mass = new Float32Array(0);
  private readonly likeliest = new Int32Array(MOST_TOKENS);
  /** Of positions from 0 on. */
  private phases = new Float32Array(0);

  private constructor(
    private readonly addon: KernelAddon,
    private readonly model: NativeModel,
    private readonly config: DecoderConfig,
    private readonly evidenceLayers: number,
    words: boolean,
  ) {
    this.frequencies = rotaryFrequencies(config);
    this.embed = words ? (id, out, at) => addon.embed(model, id, out, at) : undefined;
  }

  /** @returns undefined where it was not built, or the processor or the model is not one for it */
  static async open(options: KernelOptions, addon = loadAddon()): Promise<NativeKernel | undefined> {
    const { config, threads, evidenceLayers } = options;
    if (!addon) return undefined;
    const adapter = options.adapter === undefined ? undefined : await readAdapter(options.adapter);
    if (!fitsNative(config, adapter)) return undefined;
    const { hidden, heads, kvHeads, headDim, feedForward, layers, vocabulary, activation } = config;
    const sizes = [hidden, heads, kvHeads, headDim, feedForward, layers, vocabulary, activation === 'silu' ? 0 : 1];
    const model = addon.create(Int32Array.from(sizes), config.normEpsilon, threads);
    const gguf = await openGguf(options.gguf);
    try {
      await loadWeights(addon, model, gguf, config, adapter, evidenceLayers);
      return new NativeKernel(addon, model, config, evidenceLayers.length, sharesWords(gguf));
    } catch (error) {
      addon.destroy(model);
      throw error;
    } finally {
      await gguf.close();
    }
  }

  takes({ members, appended }: StepBatch): boolean {
    const tokens = appended.reduce((sum, count) => sum + count, 0);
    return (
      tokens > 0 && tokens <= MOST_TOKENS && members.every(({ length }, i) => length + appended[i]! < MOST_POSITIONS)
    );
  }

  get heldBytes(): number {
    const { layers, kvHeads, headDim } = this.config;
    const rows = [...this.sets.values()].reduce((sum, { capacity }) => sum + capacity, 0);
    return rows * layers * kvHeads * (2 * headDim + 12);
  }

  step(batch: StepBatch): StepResult {
    const { members, S, appended, rows } = batch;
    const { hidden, kvHeads, headDim, vocabulary } = this.config;
    const writing = members.flatMap((member, i) => (appended[i]! > 0 ? [{ member, i, count: appended[i]! }] : []));
    const sets = writing.map(({ member, count }) => this.hold(member, count));
    const lengths = Int32Array.from(writing, ({ member }) => member.length);
    const wanted = new Map(rows.map((row, i) => [row, i]));
    const total = writing.reduce((sum, { count }) => sum + count, 0);
    const tokens = new Int32Array(total * 3);
    const phases = new Float32Array(total * headDim);
    const whole = total === members.length * S;
    const embeddings = whole ? batch.embeddings : new Float32Array(total * hidden);
    let t = 0;
    writing.forEach(({ member, i, count }, sequence) => {
      if (!whole) embeddings.set(batch.embeddings.subarray(i * S * hidden, (i * S + count) * hidden), t * hidden);
      phases.set(this.phasesOf(member.length, count), t * headDim);
      for (let s = 0; s < count; s++, t++)
        tokens.set([sequence, member.length + s, wanted.get(i * S + s) ?? -1], t * 3);
    });
    const capacity = Math.ceil(Math.max(...members.map(({ length }) => length), 1) / 16) * 16;
    const size = kvHeads * capacity;
    this.logits = reach(this.logits, rows.length * vocabulary);
    this.mass = reach(this.mass, this.evidenceLayers * writing.length * size);
    const { logits: all, mass, likeliest } = this;
    this.addon.step(this.model, sets, lengths, tokens, embeddings, phases, all, mass, capacity, likeliest);
    for (const { member, count } of writing) this.grow(member, count);
    const logits = this.logits.subarray(0, rows.length * vocabulary);
    return { logits, likeliest: likeliest.subarray(0, rows.length), mass: this.spread(batch, writing, size), capacity };
  }

  prefix(embedded: Float32Array): PrefixRows | undefined {
    const { hidden, kvHeads, headDim, layers } = this.config;
    const tokens = embedded.length / hidden;
    if (tokens > MOST_TOKENS) return undefined;
    const room = (): Float32Array[] =>
      Array.from({ length: layers }, () => new Float32Array(kvHeads * tokens * headDim));
    const [keys, values] = [room(), room()];
    const set = this.addon.openSet(this.model, Math.ceil(tokens / CHUNK) * CHUNK);
    try {
      this.addon.prefix(this.model, set, embedded, this.phasesOf(0, tokens), keys, values);
    } finally {
      this.addon.closeSet(set);
      this.trimLater();
    }
    return { tokens, keys, values };
  }

  enter(member: WorkingSet, prefix: PrefixRows, { pages, tokens, planes }: PageRows): boolean {
    const rows = tokens.reduce((sum, count) => sum + count, prefix.tokens);
    if (rows >= MOST_POSITIONS || this.config.headDim > MOST_DIM) return false;
    const { set } = this.open(member, rows + FREE_ROWS);
    this.writePrefix(set, prefix);
    const { planes: all, total } = this.planesOf(planes);
    this.addon.fill(
      this.model,
      set,
      prefix.tokens,
      this.phasesOf(0, rows),
      Int32Array.from(pages),
      tokens,
      ...all,
      total,
    );
    this.grow(member, rows);
    return true;
  }

  prefill(prefix: PrefixRows, segments: readonly Float32Array[]): Prefilled | undefined {
    const { hidden, kvHeads, headDim, layers } = this.config;
    const lengths = segments.map(({ length }) => length / hidden);
    const T = Math.ceil(Math.max(...lengths) / PAGE_TOKENS) * PAGE_TOKENS;
    if (prefix.tokens + T >= MOST_POSITIONS) return undefined;
    const rows = layers * segments.length * kvHeads * T;
    const out = {
      keys: { data: new Uint8Array(rows * headDim) },
      values: { data: new Int8Array(rows * headDim) },
      key_scales: { data: new Float32Array(rows / PAGE_TOKENS) },
      value_scales: { data: new Float32Array(rows) },
    };
    const pages = [out.keys.data, out.values.data, out.key_scales.data, out.value_scales.data] as const;
    const capacity = Math.ceil((prefix.tokens + T) / CHUNK) * CHUNK;
    const open = new Map<number, NativeSet>();
    try {
      for (const pieces of piecesOf(lengths)) {
        const total = pieces.reduce((sum, { count }) => sum + count, 0);
        const [tokens, phases] = [new Int32Array(total * 3), new Float32Array(total * headDim)];
        const embeddings = new Float32Array(total * hidden);
        let t = 0;
        pieces.forEach(({ segment, from, count }, sequence) => {
          if (!open.has(segment)) open.set(segment, this.after(prefix, capacity));
          embeddings.set(segments[segment]!.subarray(from * hidden, (from + count) * hidden), t * hidden);
          phases.set(this.phasesOf(prefix.tokens + from, count), t * headDim);
          for (let s = from; s < from + count; s++, t++) tokens.set([sequence, prefix.tokens + s, -1], t * 3);
        });
        const places = pieces.flatMap(({ segment, from }) => [segment, prefix.tokens, prefix.tokens + from]);
        this.addon.prefill(
          ...([this.model, pieces.map(({ segment }) => open.get(segment)!), Int32Array.from(places), tokens] as const),
          ...([embeddings, phases, ...pages, segments.length, T] as const),
        );
      }
    } finally {
      for (const set of open.values()) this.addon.closeSet(set);
      this.trimLater();
    }
    return new Prefilled(out, segments.length, T, this.config);
  }

  select(member: WorkingSet, prefix: PrefixRows, question: Float32Array, choice: PageChoice): Selection | undefined {
    const { hidden, kvHeads, headDim, layers, vocabulary } = this.config;
    const [S, P, chosenRows] = [question.length / hidden, prefix.tokens, choice.count * PAGE_TOKENS];
    const rows = P + chosenRows;
    if (S > MOST_TOKENS || rows + S >= MOST_POSITIONS || headDim > MOST_DIM || choice.position !== rows)
      return undefined;
    member.arena.reserve(rows + S);
    const { set } = this.open(member, rows + S);
    this.writePrefix(set, prefix);
    const { planes, total } = this.planesOf(choice.planes);
    const chosen = new Int32Array(layers * kvHeads * choice.count);
    const logits = new Float32Array(vocabulary);
    const mass = new Float32Array(this.evidenceLayers * kvHeads * rows);
    const tokens = new Uint8Array(choice.pages.length);
    choice.valid.forEach((one, row) => (tokens[Math.floor(row / PAGE_TOKENS)]! += one));
    this.addon.select(
      ...([this.model, set, P, question, this.phasesOf(0, rows + S), Int32Array.from(choice.pages), tokens] as const),
      ...([choice.prior, Int32Array.from(choice.scored), choice.count, ...planes, total] as const),
      ...([logits, mass, rows, chosen] as const),
    );
    this.grow(member, rows + S);
    return {
      logits,
      chosen: Array.from({ length: layers }, (_, layer) =>
        chosen.subarray(layer * kvHeads * choice.count, (layer + 1) * kvHeads * choice.count),
      ),
      mass: Array.from({ length: this.evidenceLayers }, (_, layer) => {
        const own = new Float32Array(kvHeads * chosenRows);
        for (let head = 0; head < kvHeads; head++) {
          const from = (layer * kvHeads + head) * rows + P;
          own.set(mass.subarray(from, from + chosenRows), head * chosenRows);
        }
        return own;
      }),
    };
  }

  dispose(): Promise<void> {
    clearTimeout(this.trimming);
    this.sets.clear();
    this.addon.destroy(this.model);
    return Promise.resolve();
  }

  /** Per evidence layer [members, …] of what was computed for those that have new tokens. */
  private spread({ members }: StepBatch, writing: readonly { i: number }[], size: number): Float32Array[] {
    return Array.from({ length: this.evidenceLayers }, (_, layer) => {
      const from = this.mass.subarray(layer * writing.length * size, (layer + 1) * writing.length * size);
      if (writing.length === members.length) return from;
      const all = new Float32Array(members.length * size);
      writing.forEach(({ i }, n) => all.set(from.subarray(n * size, (n + 1) * size), i * size));
      return all;
    });
  }

  /** The rows of a working set, with room for so many new ones. What others appended since is copied. */
  private hold(member: WorkingSet, count: number): NativeSet {
    const { arena, slot, length } = member;
    const set = this.roomFor(member, length + count);
    if (member.copied < length) {
      const { keys, values, bias, capacity } = arena;
      this.addon.writeSet(this.model, set, keys, values, bias, capacity, slot, member.copied, length);
    }
    return set;
  }

  private roomFor(member: WorkingSet, rows: number): NativeSet {
    const held = this.sets.get(member);
    return (held && held.capacity >= rows ? held : this.open(member, rows)).set;
  }

  /** One with this capacity or more that begins with what was held before. */
  private open(member: WorkingSet, rows: number): Held {
    const before = this.sets.get(member);
    const capacity = Math.ceil((rows + rows / 4) / CHUNK) * CHUNK;
    const held = { set: this.addon.openSet(this.model, capacity), capacity };
    if (before) {
      this.addon.copySet(this.model, before.set, held.set, member.copied);
      this.addon.closeSet(before.set);
      this.trimLater();
    } else member.copied = 0;
    this.sets.set(member, held);
    member.holder = this;
    return held;
  }

  /** New rows are there. */
  private grow(member: WorkingSet, count: number): void {
    const from = member.length;
    member.grow(count);
    if (member.arena.backed) this.restore(member, from);
  }

  restore(member: WorkingSet, from = 0): void {
    const { arena, slot, copied } = member;
    const { set } = this.sets.get(member)!;
    this.addon.readSet(this.model, set, arena.keys, arena.values, arena.bias, arena.capacity, slot, from, copied);
  }

  copy(from: WorkingSet, to: WorkingSet): void {
    const { set } = this.sets.get(from)!;
    this.addon.copySet(this.model, set, this.roomFor(to, from.copied + 1), from.copied);
    to.copied = from.copied;
  }

  leave(member: WorkingSet): void {
    const held = this.sets.get(member);
    if (!held) return;
    this.addon.closeSet(held.set);
    this.sets.delete(member);
    this.trimLater();
  }

  /** Cosines, then sines, of `count` positions, [count, headDim]. */
  private phasesOf(from: number, count: number): Float32Array {
    const { headDim } = this.config;
    const end = (from + count) * headDim;
    if (this.phases.length < end) {
      const positions = from + count + 256;
      this.phases = new Float32Array(positions * headDim);
      for (let p = 0; p < positions; p++)
        writePhases(this.frequencies, p, this.phases.subarray(p * headDim, (p + 1) * headDim));
    }
    return this.phases.subarray(from * headDim, end);
  }

  /** A working set that begins with these rows. */
  private after(prefix: PrefixRows, capacity: number): NativeSet {
    const set = this.addon.openSet(this.model, capacity);
    this.writePrefix(set, prefix);
    return set;
  }

  private writePrefix(set: NativeSet, { tokens, keys, values }: PrefixRows): void {
    if (tokens === 0) return;
    const bias = new Float32Array(this.config.layers * this.config.kvHeads * tokens);
    this.addon.writeSet(this.model, set, keys, values, bias, tokens, 0, 0, tokens);
  }

  /** Keys, their scales, values and their scales of all layers, and how many pages there are. */
  private planesOf(of: (layer: number) => Int8Planes) {
    const all = Array.from({ length: this.config.layers }, (_, layer) => of(layer));
    const planes = [
      all.map(({ keys }) => keys),
      all.map(({ keyScales }) => keyScales),
      all.map(({ values }) => values),
      all.map(({ valueScales }) => valueScales),
    ] as const;
    return { planes, total: all[0]!.keyScales.length / this.config.kvHeads };
  }

  /** Memory of closed sets, and of what long questions needed, is given back after a while. */
  private trimLater(): void {
    this.trimming ??= setTimeout(() => {
      this.trimming = undefined;
      this.addon.trim(this.model);
    }, KEPT_MS).unref();
  }
}

interface SegmentPiece {
  segment: number;
  /** First token, the first of a page. */
  from: number;
  count: number;
}

/** What of the segments, of so many tokens, is computed together. */
function piecesOf(lengths: readonly number[]): SegmentPiece[][] {
  const calls: SegmentPiece[][] = [[]];
  let left = MOST_TOKENS;
  lengths.forEach((length, segment) => {
    for (let from = 0; from < length;) {
      // A page's keys share a scale, so that it is computed at once.
      const room = length - from <= left ? left : left - (left % PAGE_TOKENS);
      if (room === 0) {
        calls.push([]);
        left = MOST_TOKENS;
        continue;
      }
      const count = Math.min(room, length - from);
      calls.at(-1)!.push({ segment, from, count });
      from += count;
      left -= count;
    }
  });
  return calls;
}

/** The same memory where it suffices. */
function reach(numbers: Float32Array<ArrayBuffer>, length: number): Float32Array<ArrayBuffer> {
  return numbers.length >= length ? numbers : new Float32Array(length + length / 4);
}
