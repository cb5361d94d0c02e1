import { MICROSOFT, type Graph } from '../onnx/graph.js';
import type { Dimension } from '../onnx/types.js';
import type { DecoderConfig } from './architecture.js';
import { linear, product, type Kernel, type PackedMatrix, type Precision, type QuantisedKernel } from './linear.js';

/** A layer's weights in the form that the graphs share. */
export interface PackedLayer {
  attentionNorm: Float32Array;
  qkv: PackedMatrix;
  queryNorm?: Float32Array;
  keyNorm?: Float32Array;
  output: PackedMatrix;
  feedForwardNorm: Float32Array;
  gateUp: PackedMatrix;
  down: PackedMatrix;
}

export interface PackedDecoder {
  config: DecoderConfig;
  precision: Precision;
  layers: PackedLayer[];
  outputNorm: Float32Array;
  /** [hidden, vocabulary]. */
  head: PackedMatrix;
  /** [positions, headDim / 2] each. */
  cos: Float32Array;
  sin: Float32Array;
}

export interface Projected {
  /** [B, kvHeads, group·S, D], rotated and scaled by 1 / √D. */
  query: string;
  /** [B, kvHeads, S, D], rotated. */
  key: string;
  /** [B, kvHeads, S, D] without phase. */
  rawKey: string;
  /** [B, kvHeads, group·S, D] without phase, scaled. */
  rawQuery: string;
  /** [B, kvHeads, S, D]. */
  value: string;
}

/**
 * Writes decoder layers into a graph. `hidden` is [B·S, N] or [B, S, N]; `x` of the methods is the residual stream and `delta`
 * what is to be added to it, so that addition and norm are one operator.
 */
export class LayerWriter {
  private readonly kernel: Kernel;

  constructor(
    readonly graph: Graph,
    readonly decoder: PackedDecoder,
    /** int64 [B, S] positions of the tokens. */
    private readonly positions: string,
    /** int64 [2]: B and S. */
    private readonly batchAndLength: string,
    kernel: QuantisedKernel,
    /** Whether rows are [B·S, N], as large products want them, or [B, S, N], which takes fewer operators. */
    private readonly flat = true,
    /** The graph's names for B and S. */
    private readonly named: { batch: Dimension; length: Dimension } = { batch: 'B', length: 'S' },
  ) {
    this.kernel = decoder.precision === 'float32' ? 'float32' : kernel;
  }

  /** The kernel of single tokens, which reads fewer bytes and whose weights open faster. */
  private get fewRows(): 'float32' | 'blocks' {
    return this.kernel === 'columns' ? 'blocks' : this.kernel;
  }

  get config(): DecoderConfig {
    return this.decoder.config;
  }

  /** RMSNorm of `x + delta`. @returns the normed rows and the new residual stream */
  norm(name: string, x: string, delta: string | undefined, weight: Float32Array): { normed: string; x: string } {
    const gamma = this.graph.weight(name, 'float32', [weight.length], weight);
    const epsilon = { float: this.config.normEpsilon };
    if (delta === undefined) {
      const normed = this.graph.op('SimplifiedLayerNormalization', [x, gamma], { attributes: { epsilon, axis: -1 } });
      return { normed, x };
    }
    const [normed, , , sum] = this.graph.multi(
      'SkipSimplifiedLayerNormalization',
      [x, delta, gamma],
      [true, false, false, true],
      {
        domain: MICROSOFT,
        attributes: { epsilon },
      },
    );
    return { normed: normed!, x: sum! };
  }

  /**
   * Queries, keys and values of many normed rows, which are flat. Keys and values are named `key` and `value`, where given, so that they can
   * be outputs without a copy.
   */
  project(index: number, normed: string, names: { key?: string; value?: string } = {}): Projected {
    const { graph, config } = this;
    const { heads, kvHeads, headDim } = config;
    const layer = this.decoder.layers[index]!;
    const [flatQ, flatK, flatV] = linear(graph, normed, layer.qkv, this.kernel) as [string, string, string];
    const sized = (rows: string, count: number): string => this.reshape(rows, [count * headDim]);
    const [plainQ, plainK, v] = [sized(flatQ, heads), sized(flatK, kvHeads), sized(flatV, kvHeads)];
    const q = layer.queryNorm ? this.headNorm(`layer${index}.query_norm`, plainQ, heads, layer.queryNorm) : plainQ;
    const k = layer.keyNorm ? this.headNorm(`layer${index}.key_norm`, plainK, kvHeads, layer.keyNorm) : plainK;
    return {
      query: this.groups(this.rotate(q)),
      key: this.headsFirst(this.rotate(k), names.key),
      rawKey: this.headsFirst(k),
      rawQuery: this.groups(q),
      value: this.headsFirst(v, names.value),
    };
  }

  /**
   * The same for a step, in the fewest operators, each of which costs as much as the little that it computes.
   * @param grouping int64 [2] = parts, rows: how the query heads of a group are laid out
   * @returns the query [B, 1, kvHeads, parts, rows, D]; key and value [B, 1, kvHeads, 1, S, D]
   */
  projectFew(index: number, normed: string, grouping: string): Pick<Projected, 'query' | 'key' | 'value'> {
    const { graph, config } = this;
    const { heads, kvHeads, headDim } = config;
    const { batch, length } = this.named;
    const { qkv, queryNorm, keyNorm } = this.decoder.layers[index]!;
    const rows = product(graph, normed, qkv, this.fewRows);
    const all = graph.op('Transpose', [this.reshape(rows, [heads + 2 * kvHeads, headDim])], {
      attributes: { perm: [0, 2, 1, 3] },
    });
    const split = (x: string, parts: number[]): string[] =>
      graph.multi('Split', [x, graph.constant('int64', parts)], parts.length, { attributes: { axis: 1 } });
    const norm = (x: string, name: string, weight: Float32Array): string =>
      this.norm(`layer${index}.${name}`, x, undefined, weight).normed;
    const turned = (): string[] => {
      if (!queryNorm || !keyNorm) {
        const [both, v] = split(all, [heads + kvHeads, kvHeads]) as [string, string];
        return [...split(this.rotate(both), [heads, kvHeads]), v];
      }
      const [q, k, v] = split(all, [heads, kvHeads, kvHeads]) as [string, string, string];
      return [this.rotate(norm(q, 'query_norm', queryNorm)), this.rotate(norm(k, 'key_norm', keyNorm)), v];
    };
    const [q, k, v] = turned() as [string, string, string];
    const own = (x: string): string =>
      graph.op('Reshape', [x, this.concat([this.batch(), [1, kvHeads, 1], this.length(), [headDim]])], {
        dims: [batch, 1, kvHeads, 1, length, headDim],
      });
    const query = graph.op('Reshape', [q, this.concat([this.batch(), [1, kvHeads], grouping, [headDim]])], {
      dims: [batch, 1, kvHeads, 'parts', 'rows', headDim],
    });
    return { query, key: own(k), value: own(v) };
  }

  /** Attention output [B, kvHeads, group·S, D] → what is added to the residual stream, [B·S, N]. */
  attentionOutput(index: number, mixed: string): string {
    const { graph, config } = this;
    const { heads, kvHeads, headDim } = config;
    const { batch, length } = this.named;
    const shape = this.concat([this.batch(), [kvHeads, heads / kvHeads], this.length(), [headDim]]);
    const grouped = graph.op('Reshape', [mixed, shape], { dims: [batch, kvHeads, heads / kvHeads, length, headDim] });
    const rows = graph.op('Transpose', [grouped], { attributes: { perm: [0, 3, 1, 2, 4] } });
    const width = heads * headDim;
    const joined = this.flat
      ? graph.op('Reshape', [rows, graph.constant('int64', [-1, width])], { dims: ['tokens', width] })
      : this.reshape(rows, [width]);
    return linear(graph, joined, this.decoder.layers[index]!.output, this.kernel)[0]!;
  }

  /** SwiGLU or GeGLU. */
  feedForward(index: number, normed: string): string {
    const { graph, config } = this;
    const layer = this.decoder.layers[index]!;
    const [gate, up] = linear(graph, normed, layer.gateUp, this.kernel) as [string, string];
    const active =
      config.activation === 'silu'
        ? graph.op('QuickGelu', [gate], { domain: MICROSOFT, attributes: { alpha: { float: 1 } } })
        : graph.op('Gelu', [gate], { attributes: { approximate: 'tanh' } });
    return linear(graph, graph.op('Mul', [active, up]), layer.down, this.kernel)[0]!;
  }

  /** Logits [R, vocabulary] of the chosen rows of the residual stream. */
  logits(x: string, rows: string): string {
    const chosen = this.graph.op('Gather', [x, rows], { attributes: { axis: 0 } });
    const { normed } = this.norm('output_norm', chosen, undefined, this.decoder.outputNorm);
    return product(this.graph, normed, this.decoder.head, this.fewRows);
  }

  /** [B, S, h·D] or [B, h, S, D] → the same, rotated by position. */
  rotate(x: string): string {
    const { cos, sin, config } = this.decoder;
    const half = config.headDim / 2;
    const once = (name: string, data: Float32Array): string =>
      this.graph.weight(name, 'float32', [data.length / half, half], data);
    return this.graph.op('RotaryEmbedding', [x, this.positions, once('cos', cos), once('sin', sin)], {
      domain: MICROSOFT,
    });
  }

  private headNorm(name: string, x: string, heads: number, weight: Float32Array): string {
    const { headDim, normEpsilon } = this.config;
    const split = this.reshape(x, [heads, headDim]);
    const gamma = this.graph.weight(name, 'float32', [weight.length], weight);
    const normed = this.graph.op('SimplifiedLayerNormalization', [split, gamma], {
      attributes: { epsilon: { float: normEpsilon }, axis: -1 },
    });
    return this.reshape(normed, [heads * headDim]);
  }

  /** [B, S, kvHeads·D] → [B, kvHeads, S, D]. */
  private headsFirst(x: string, name?: string): string {
    const { kvHeads, headDim } = this.config;
    const split = this.reshape(x, [kvHeads, headDim]);
    const names = name === undefined ? undefined : [name];
    return this.graph.op('Transpose', [split], { attributes: { perm: [0, 2, 1, 3] }, names });
  }

  /** [B, S, heads·D] → [B, kvHeads, group·S, D]: the query heads that share keys become rows. */
  private groups(x: string): string {
    const { heads, kvHeads, headDim } = this.config;
    const split = this.reshape(x, [kvHeads, heads / kvHeads, headDim]);
    const ordered = this.graph.op('Transpose', [split], { attributes: { perm: [0, 2, 3, 1, 4] } });
    const dims = [this.named.batch, kvHeads, 'rows', headDim];
    return this.graph.op('Reshape', [ordered, this.concat([this.batch(), [kvHeads, -1, headDim]])], { dims });
  }

  /** To [B, S, …rest]. */
  private reshape(x: string, rest: number[]): string {
    const { batch, length } = this.named;
    return this.graph.op('Reshape', [x, this.shape(rest)], { dims: [batch, length, ...rest] });
  }

  /** B, S and what follows, as a shape tensor. */
  private shape(rest: number[]): string {
    return this.concat([this.batchAndLength, rest]);
  }

  private batch(): string {
    return this.part('batch', 0);
  }

  private length(): string {
    return this.part('length', 1);
  }

  private part(name: string, at: number): string {
    const { graph } = this;
    const bounds = [graph.constant('int64', [at]), graph.constant('int64', [at + 1])];
    return graph.once(name, () => graph.op('Slice', [this.batchAndLength, ...bounds]));
  }

  /** Joins pieces of a shape; the same shape is built once per graph. */
  private concat(parts: (string | number[])[]): string {
    const { graph } = this;
    const values = parts.map((part) => (typeof part === 'string' ? part : graph.constant('int64', part)));
    return graph.once(`shape:${values.join()}`, () => graph.op('Concat', values, { attributes: { axis: 0 } }));
  }
}
