import { tensor, type Feeds, type Tensor } from '#runtime';
import type { Arena, WorkingSet } from './arena.js';
import { HIDDEN } from './arena.js';
import type { DecoderModel } from './model.js';

/** Rotated keys and values of a prefix, per layer [1, kvHeads, tokens, headDim]. */
export interface PrefixRows {
  tokens: number;
  keys: Float32Array[];
  values: Float32Array[];
}

/** Keys without phase and values of a prefill batch, per layer [segments, kvHeads, rows, headDim]. */
export interface Prefilled {
  rows: number;
  keys: Float32Array[];
  values: Float32Array[];
}

export interface StepResult {
  /** [rows asked for, vocabulary]. */
  logits: Float32Array;
  /** Per evidence layer [B, kvHeads, capacity]. */
  mass: Float32Array[];
}

/** The only one that runs the graphs: turns sequences into feeds, and what comes out into rows of working sets. */
export class Runner {
  constructor(readonly model: DecoderModel) {}

  /**
   * Computes keys and values of segments, each after the same prefix.
   * @param segments embeddings, [tokens, hidden] each; shorter ones are padded at their end, which nothing before sees
   */
  async prefill(prefix: PrefixRows, segments: readonly Float32Array[]): Promise<Prefilled> {
    const { hidden, kvHeads, headDim, layers, heads } = this.model.config;
    const [S, P] = [segments.length, prefix.tokens];
    const T = Math.max(...segments.map((segment) => segment.length / hidden));
    const embeddings = new Float32Array(S * T * hidden);
    segments.forEach((segment, i) => embeddings.set(segment, i * T * hidden));
    const feeds: Feeds = {
      embeddings: tensor('float32', [S, T, hidden], embeddings),
      positions: positions(
        segments.map(() => P),
        T,
      ),
      shape: int64(S, T),
      lengths: int64(P, T),
      causal: causal(heads / kvHeads, T),
    };
    for (let i = 0; i < layers; i++) {
      feeds[`prefix_key.${i}`] = tensor('float32', [1, kvHeads, P, headDim], prefix.keys[i]!);
      feeds[`prefix_value.${i}`] = tensor('float32', [1, kvHeads, P, headDim], prefix.values[i]!);
    }
    const out = await this.model.prefill.run(feeds);
    const layerwise = (name: string): Float32Array[] =>
      Array.from({ length: layers }, (_, i) => out[`${name}.${i}`]!.data as Float32Array);
    return { rows: T, keys: layerwise('key'), values: layerwise('value') };
  }

  /**
   * Feeds `count` members of the arena from slot `first` on with S new tokens each, and appends their keys and values.
   * @param embeddings [count, S, hidden]
   * @param rows which of the count·S new tokens want logits
   */
  async step(
    arena: Arena,
    first: number,
    count: number,
    embeddings: Float32Array,
    rows: readonly number[],
    appends: (member: WorkingSet) => boolean = () => true,
  ): Promise<StepResult> {
    const { hidden, kvHeads, headDim, layers, heads } = this.model.config;
    const S = embeddings.length / hidden / count;
    const members = arena.members.slice(first, first + count);
    arena.reserve(Math.max(...members.map((member) => member.length)) + S);
    const W = arena.capacity;
    const feeds: Feeds = {
      embeddings: tensor('float32', [count, S, hidden], embeddings),
      positions: positions(
        members.map((member) => member.length),
        S,
      ),
      shape: int64(count, S),
      lengths: int64(W, S),
      causal: causal(heads / kvHeads, S),
      rows: int64(...rows),
    };
    const size = kvHeads * W;
    const view = (data: Float32Array, width: number): Float32Array =>
      data.subarray(first * size * width, (first + count) * size * width);
    for (let i = 0; i < layers; i++) {
      feeds[`past_key.${i}`] = tensor('float32', [count, kvHeads, W, headDim], view(arena.keys[i]!, headDim));
      feeds[`past_value.${i}`] = tensor('float32', [count, kvHeads, W, headDim], view(arena.values[i]!, headDim));
      feeds[`bias.${i}`] = tensor('float32', [count, kvHeads, 1, W], view(arena.bias[i]!, 1));
    }
    const out = await this.model.step.run(feeds);
    members.forEach((member, b) => {
      if (appends(member)) this.append(member, out, b, S);
    });
    return {
      logits: out['logits']!.data as Float32Array,
      mass: this.model.evidenceLayers.map((layer) => out[`mass.${layer}`]!.data as Float32Array),
    };
  }

  private append(member: WorkingSet, out: Record<string, Tensor>, b: number, S: number): void {
    const { kvHeads, headDim, layers } = this.model.config;
    const { keys, values } = member.arena;
    const run = S * headDim;
    for (let layer = 0; layer < layers; layer++) {
      const key = out[`key.${layer}`]!.data as Float32Array;
      const value = out[`value.${layer}`]!.data as Float32Array;
      for (let head = 0; head < kvHeads; head++) {
        const from = (b * kvHeads + head) * run;
        const to = member.at(head, member.length);
        keys[layer]!.set(key.subarray(from, from + run), to);
        values[layer]!.set(value.subarray(from, from + run), to);
        member.show(layer, head, member.length, member.length + S);
      }
    }
    member.length += S;
  }
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

/** [group·S, S]: rows of every query head of a group, each seeing itself and what came before. */
function causal(group: number, S: number): Tensor<'float32'> {
  const data = new Float32Array(group * S * S);
  for (let row = 0; row < group * S; row++) data.fill(HIDDEN, row * S + (row % S) + 1, (row + 1) * S);
  return tensor('float32', [group * S, S], data);
}
