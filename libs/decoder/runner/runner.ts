import { tensor, type Feeds, type Tensor } from '#runtime';
import { PAGE_TOKENS } from '../pool/page-pool.js';
import { HIDDEN, type Arena, type WorkingSet } from './arena.js';
import type { DecoderModel } from './model.js';
import { notFinite } from '../pool/page-store.js';
import { Prefilled } from './prefilled.js';
import { noPrefix, type PrefixRows } from './prefix-rows.js';
import type { PageChoice, PageRows, Selection } from './selection.js';
import type { StepBatch, StepKernel, StepResult } from '../kernel/step-kernel.js';

/** Whether an output of the prefill is for a prefix; the others are for pages. */
const isExact = (name: string): boolean => /^(rotated_key|exact_value)\./.test(name);

/** The first `count` of every `stride` numbers, `heads` times. */
function firstRows(plane: Float32Array, heads: number, stride: number, count: number): Float32Array {
  const rows = new Float32Array(heads * count);
  for (let head = 0; head < heads; head++) rows.set(plane.subarray(head * stride, head * stride + count), head * count);
  return rows;
}

/** @throws TesseraError `decoder_failed` when a number is not finite: whatever went wrong in a layer shows in the last */
function whole(rows: PrefixRows): PrefixRows {
  for (const last of [rows.keys.at(-1)!, rows.values.at(-1)!])
    if (!last.every(Number.isFinite)) throw notFinite(rows.keys.length - 1);
  return rows;
}

/** Up to so many new tokens, products of one row each are faster than one of all rows (docs/decisions/0015). */
const FEW = 4;

/** The only one that runs the graphs: turns sequences into feeds, and what comes out into rows of working sets. */
export class Runner {
  constructor(readonly model: DecoderModel) {}

  /**
   * Computes a prefix, which nothing stands before.
   * @param embedded [tokens, hidden]
   * @throws TesseraError `decoder_failed` when a number is not finite
   */
  async prefix(embedded: Float32Array): Promise<PrefixRows> {
    const { hidden, kvHeads, headDim, layers } = this.model.config;
    const tokens = embedded.length / hidden;
    const byKernel = await this.byKernel((kernel) => kernel.prefix?.(embedded));
    if (byKernel) return whole(byKernel);
    const { feeds, T } = this.prefillFeeds(noPrefix(layers), [embedded]);
    const session = await this.model.prefill();
    const out = await session.run(feeds, { outputs: session.outputs.map(({ name }) => name).filter(isExact) });
    const rows = (name: string): Float32Array[] =>
      Array.from({ length: layers }, (_, layer) =>
        firstRows(out[`${name}.${layer}`]!.data as Float32Array, kvHeads, T * headDim, tokens * headDim),
      );
    return whole({ tokens, keys: rows('rotated_key'), values: rows('exact_value') });
  }

  /**
   * Fills the (empty) working set with a prefix and all tokens of pages, where a kernel does that.
   * @returns whether it was done
   */
  async enter(member: WorkingSet, prefix: PrefixRows, pages: PageRows): Promise<boolean> {
    return (await this.byKernel((kernel) => kernel.enter?.(member, prefix, pages))) ?? false;
  }

  /**
   * Computes keys and values of segments, each after the same prefix.
   * @param segments embeddings, [tokens, hidden] each; shorter ones are padded at their end, which nothing before sees
   */
  async prefill(prefix: PrefixRows, segments: readonly Float32Array[]): Promise<Prefilled> {
    const byKernel = await this.byKernel((kernel) => kernel.prefill?.(prefix, segments));
    if (byKernel) return byKernel;
    const { feeds, T } = this.prefillFeeds(prefix, segments);
    const session = await this.model.prefill();
    const outputs = session.outputs.map(({ name }) => name).filter((name) => !isExact(name));
    return new Prefilled(await session.run(feeds, { outputs }), segments.length, T, this.model.config);
  }

  /** What a kernel of our own makes of it. One that fails is given up. @returns undefined where none does that */
  private async byKernel<T>(compute: (kernel: StepKernel) => T | undefined): Promise<T | undefined> {
    const kernel = await this.model.kernel?.take();
    try {
      return kernel && compute(kernel);
    } catch (error) {
      this.model.kernel?.giveUp(error);
      return undefined;
    }
  }

  private prefillFeeds(prefix: PrefixRows, segments: readonly Float32Array[]): { feeds: Feeds; T: number } {
    const { hidden, kvHeads, headDim, layers, heads } = this.model.config;
    const [S, P] = [segments.length, prefix.tokens];
    const longest = Math.max(...segments.map((segment) => segment.length / hidden));
    const T = Math.ceil(longest / PAGE_TOKENS) * PAGE_TOKENS;
    const embeddings = new Float32Array(S * T * hidden);
    segments.forEach((segment, i) => embeddings.set(segment, i * T * hidden));
    const feeds: Feeds = {
      embeddings: tensor('float32', [S, T, hidden], embeddings),
      positions: positions(
        segments.map(() => P),
        T,
      ),
      shape: int64(S, T),
      causal: causal(heads / kvHeads, T, P),
    };
    for (let i = 0; i < layers; i++) {
      feeds[`prefix_key.${i}`] = tensor('float32', [1, kvHeads, P, headDim], prefix.keys[i]!);
      feeds[`prefix_value.${i}`] = tensor('float32', [1, kvHeads, P, headDim], prefix.values[i]!);
    }
    return { feeds, T };
  }

  /**
   * Reads a question and chooses the pages that it attends to, which fill the (empty) working set together with the
   * prefix and the question.
   * @param positions where the question's first token stands
   */
  async select(member: WorkingSet, prefix: PrefixRows, question: Float32Array, choice: PageChoice): Promise<Selection> {
    const { hidden, kvHeads, headDim, layers, heads } = this.model.config;
    const { score, group } = this.model.selection;
    if (score === 'max' && group === 1) {
      const byKernel = await this.byKernel((kernel) => kernel.select?.(member, prefix, question, choice));
      if (byKernel) return byKernel;
    }
    member.arena.back();
    const session = await this.model.select?.();
    if (!session) throw new Error('selection runs in int8 only');
    const [S, P, n] = [question.length / hidden, prefix.tokens, choice.count];
    const rows = n * PAGE_TOKENS;
    const feeds: Feeds = {
      embeddings: tensor('float32', [1, S, hidden], question),
      positions: positions([choice.position], S),
      shape: int64(1, S),
      lengths: int64(P, rows, S),
      causal: causal(heads / kvHeads, S),
      scored: int64(...choice.scored),
      pages: inPieces(choice.pages),
      valid: tensor('float32', [choice.pages.length, PAGE_TOKENS], choice.valid),
      prior: tensor('float32', [choice.pages.length], choice.prior),
      count: int64(n),
      first: int64(P),
    };
    for (let i = 0; i < layers; i++) {
      const planes = choice.planes(i);
      const pages = planes.keyScales.length / kvHeads;
      feeds[`prefix_key.${i}`] = tensor('float32', [1, kvHeads, P, headDim], prefix.keys[i]!);
      feeds[`prefix_value.${i}`] = tensor('float32', [1, kvHeads, P, headDim], prefix.values[i]!);
      feeds[`keys.${i}`] = tensor('uint8', [kvHeads, pages, PAGE_TOKENS * headDim], planes.keys);
      feeds[`key_scales.${i}`] = tensor('float32', [kvHeads, pages], planes.keyScales);
      feeds[`values.${i}`] = tensor('int8', [kvHeads, pages, PAGE_TOKENS * headDim], planes.values);
      feeds[`value_scales.${i}`] = tensor('float32', [kvHeads, pages, PAGE_TOKENS], planes.valueScales);
    }
    const out = await session.run(feeds);
    const floats = (name: string): Float32Array => out[name]!.data as Float32Array;
    for (let layer = 0; layer < layers; layer++)
      for (let head = 0; head < kvHeads; head++) {
        member.write(layer, head, 0, P, prefix.keys[layer]!, prefix.values[layer]!);
        member.write(layer, head, P, rows, floats(`selected_key.${layer}`), floats(`selected_value.${layer}`));
        member.write(layer, head, P + rows, S, floats(`key.${layer}`), floats(`value.${layer}`));
        member.show(layer, head, 0, P + rows + S);
        member.hideBy(layer, head, P, floats(`selected_bias.${layer}`).subarray(head * rows, (head + 1) * rows));
      }
    member.length = P + rows + S;
    member.position = choice.position + S;
    return {
      logits: floats('logits'),
      chosen: Array.from({ length: layers }, (_, layer) =>
        Int32Array.from(out[`selected.${layer}`]!.data as BigInt64Array, Number),
      ),
      mass: this.model.evidenceLayers.map((layer) => floats(`mass.${layer}`)),
    };
  }

  /**
   * Feeds `count` members of the arena from slot `first` on with S new tokens each, and appends their keys and values.
   * @param embeddings [count, S, hidden]
   * @param rows which of the count·S new tokens want logits
   * @param appended how many of its new tokens, the first ones, each member keeps; all by default
   */
  async step(
    arena: Arena,
    first: number,
    count: number,
    embeddings: Float32Array,
    rows: readonly number[],
    appended?: readonly number[],
  ): Promise<StepResult> {
    const { hidden, kvHeads, headDim, layers, heads } = this.model.config;
    const S = embeddings.length / hidden / count;
    const members = arena.members.slice(first, first + count);
    arena.reserve(Math.max(...members.map((member) => member.length)) + S);
    const kept = appended ?? members.map(() => S);
    const batch: StepBatch = { arena, members, embeddings, S, rows, appended: kept };
    const byKernel = await this.byKernel((kernel) => (kernel.takes(batch) ? kernel.step(batch) : undefined));
    if (byKernel) return byKernel;
    arena.back();
    const W = arena.capacity;
    const feeds: Feeds = {
      embeddings: tensor('float32', [count, S, hidden], embeddings),
      positions: positions(
        members.map((member) => member.length),
        S,
      ),
      shape: int64(count, S),
      lengths: int64(W, S),
      ...grouped(heads / kvHeads, S),
      rows: int64(...rows),
    };
    const size = kvHeads * W;
    const view = (data: Float32Array, width: number): Float32Array =>
      data.subarray(first * size * width, (first + count) * size * width);
    for (let i = 0; i < layers; i++) {
      feeds[`past_key.${i}`] = tensor('float32', [count, 1, kvHeads, 1, W, headDim], view(arena.keys[i]!, headDim));
      feeds[`past_value.${i}`] = tensor('float32', [count, 1, kvHeads, 1, W, headDim], view(arena.values[i]!, headDim));
    }
    feeds['bias'] = tensor('float32', [count, layers, kvHeads, 1, 1, W], view(arena.bias, layers));
    const out = await (await this.model.step()).run(feeds);
    const [keys, values] = [out['keys']!.data as Float32Array, out['values']!.data as Float32Array];
    members.forEach((member, b) => this.append(member, keys, values, { b, count, S, tokens: kept[b]! }));
    return {
      capacity: W,
      logits: out['logits']!.data as Float32Array,
      mass: this.model.evidenceLayers.map((_, i) =>
        (out['mass']!.data as Float32Array).subarray(i * count * size, (i + 1) * count * size),
      ),
    };
  }

  private append(
    member: WorkingSet,
    keys: Float32Array,
    values: Float32Array,
    { b, count, S, tokens }: { b: number; count: number; S: number; tokens: number },
  ): void {
    if (tokens === 0) return;
    const { kvHeads, headDim, layers } = this.model.config;
    const size = kvHeads * S * headDim;
    for (let layer = 0; layer < layers; layer++)
      member.append(layer, tokens, S, keys, values, (layer * count + b) * size);
    member.length += tokens;
    member.position += tokens;
  }
}

/** Few rows of a group's query heads are products of one row each, more of them one product. */
function grouped(group: number, S: number): Feeds {
  const [parts, rows] = S <= FEW ? [group * S, 1] : [1, group * S];
  return {
    grouping: int64(parts, rows),
    causal: tensor('float32', [parts, rows, S], causal(group, S).data),
  };
}

/** Pages that are scored at once: 16,384 tokens. */
const PIECE = 1024;

/** [pieces, pages], filled up with the first page. */
function inPieces(pages: readonly number[]): Tensor<'int64'> {
  const pieces = Math.ceil(pages.length / PIECE);
  const length = Math.ceil(pages.length / pieces);
  const data = new BigInt64Array(pieces * length).fill(BigInt(pages[0]!));
  pages.forEach((page, i) => (data[i] = BigInt(page)));
  return tensor('int64', [pieces, length], data);
}

function int64(...values: number[]): Tensor<'int64'> {
  return tensor('int64', [values.length], BigInt64Array.from(values, BigInt));
}

function positions(starts: readonly number[], length: number): Tensor<'int64'> {
  const data = new BigInt64Array(starts.length * length);
  starts.forEach((start, b) => {
    for (let t = 0; t < length; t++) data[b * length + t] = BigInt(start + t);
  });
  return tensor('int64', [starts.length, length], data);
}

/** [group·S, seen + S]: rows of every query head of a group, each seeing what came before and itself. */
function causal(group: number, S: number, seen = 0): Tensor<'float32'> {
  const columns = seen + S;
  const data = new Float32Array(group * S * columns);
  for (let row = 0; row < group * S; row++)
    data.fill(HIDDEN, row * columns + seen + (row % S) + 1, (row + 1) * columns);
  return tensor('float32', [group * S, columns], data);
}
