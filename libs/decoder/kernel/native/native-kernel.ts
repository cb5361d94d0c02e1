import { openGguf, readAdapter, type DecoderConfig, type ReadRow } from '#runtime';
import { rotaryFrequencies, writePhases } from '../../pool/rotary.js';
import { KEPT_MS, type WorkingSet } from '../../runner/arena.js';
import type { KernelOptions } from '../kernel.js';
import type { StepBatch, StepKernel, StepResult } from '../step-kernel.js';
import { loadAddon, type KernelAddon, type NativeModel, type NativeSet } from './addon.js';
import { fitsNative, loadWeights, sharesWords } from './load-weights.js';

/** New tokens of a step, as in kernel.h. */
const MOST_TOKENS = 256;
/** Rows whose copy is worth its memory; 13 KB each. */
const MOST_ROWS = 4096;
/** Capacities are whole pieces of attention, see kernel.h. */
const CHUNK = 128;

/**
 * Steps of few new tokens, of one sequence or of many, in C on processors that multiply and add bytes in vectors of 512 bits
 * (docs/decisions/0048). Weights are the file's four bits; of each working set it keeps a copy in eight bits. What a token gets does not depend on
 * which others it is computed with, to the last bit.
 */
export class NativeKernel implements StepKernel {
  /** As measured on two cores over 512 rows; only the ratio matters. */
  readonly draftCosts = { step: 4.5, checking: 4, token: 1 };
  readonly embed: ReadRow | undefined;
  private readonly frequencies: Float64Array;
  private readonly sets = new Map<WorkingSet, { set: NativeSet; capacity: number }>();
  private trimming: NodeJS.Timeout | undefined;
  private logits = new Float32Array(0);
  private mass = new Float32Array(0);

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
  static async open(options: KernelOptions): Promise<NativeKernel | undefined> {
    const { config, threads, evidenceLayers } = options;
    const addon = loadAddon();
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
    return tokens > 0 && tokens <= MOST_TOKENS && members.every(({ length }, i) => length + appended[i]! < MOST_ROWS);
  }

  step(batch: StepBatch): StepResult {
    const { arena, members, S, appended, rows } = batch;
    const { hidden, kvHeads, headDim, vocabulary } = this.config;
    const writing = members.flatMap((member, i) => (appended[i]! > 0 ? [{ member, i, count: appended[i]! }] : []));
    const sets = writing.map(({ member, count }) => this.hold(member, count));
    const places = Int32Array.from(writing.flatMap(({ member }) => [member.slot, member.length]));
    const wanted = new Map(rows.map((row, i) => [row, i]));
    const total = writing.reduce((sum, { count }) => sum + count, 0);
    const tokens = new Int32Array(total * 3);
    const phases = new Float32Array(total * headDim);
    const whole = total === members.length * S;
    const embeddings = whole ? batch.embeddings : new Float32Array(total * hidden);
    let t = 0;
    writing.forEach(({ member, i, count }, sequence) => {
      if (!whole) embeddings.set(batch.embeddings.subarray(i * S * hidden, (i * S + count) * hidden), t * hidden);
      for (let s = 0; s < count; s++, t++) {
        const row = member.length + s;
        tokens.set([sequence, row, wanted.get(i * S + s) ?? -1], t * 3);
        writePhases(this.frequencies, row, phases.subarray(t * headDim, (t + 1) * headDim));
      }
    });
    const capacity = Math.ceil(Math.max(...members.map(({ length }) => length), 1) / 16) * 16;
    const size = kvHeads * capacity;
    this.logits = reach(this.logits, rows.length * vocabulary);
    this.mass = reach(this.mass, this.evidenceLayers * writing.length * size);
    const { keys, values, bias } = arena;
    this.addon.step(
      ...([this.model, sets, places, keys, values, bias, arena.capacity] as const),
      ...([tokens, embeddings, phases, this.logits, this.mass, capacity] as const),
    );
    for (const { member, count } of writing) member.grow(count);
    const logits = this.logits.subarray(0, rows.length * vocabulary);
    return { logits, mass: this.spread(batch, writing, size), capacity };
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

  /** The copy of a working set, with room for so many new rows, brought up to date. */
  private hold(member: WorkingSet, count: number): NativeSet {
    const { arena, slot, length } = member;
    let held = this.sets.get(member);
    if (!held || held.capacity < length + count) {
      held = this.open(member, length + count);
      member.copied = 0;
    }
    if (member.copied < length) {
      const { keys, values, bias, capacity } = arena;
      this.addon.writeSet(this.model, held.set, keys, values, bias, capacity, slot, member.copied, length);
    }
    return held.set;
  }

  private open(member: WorkingSet, rows: number): { set: NativeSet; capacity: number } {
    this.close(member);
    const capacity = Math.ceil((rows + rows / 4) / CHUNK) * CHUNK;
    const held = { set: this.addon.openSet(this.model, capacity), capacity };
    this.sets.set(member, held);
    member.onLeave = () => this.close(member);
    return held;
  }

  private close(member: WorkingSet): void {
    const held = this.sets.get(member);
    if (!held) return;
    this.addon.closeSet(held.set);
    this.sets.delete(member);
    clearTimeout(this.trimming);
    if (this.sets.size === 0) this.trimming = setTimeout(() => this.addon.trim(this.model), KEPT_MS).unref();
  }
}

/** The same memory where it suffices. */
function reach(numbers: Float32Array<ArrayBuffer>, length: number): Float32Array<ArrayBuffer> {
  return numbers.length >= length ? numbers : new Float32Array(length + length / 4);
}
