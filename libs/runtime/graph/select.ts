import { MICROSOFT, Graph } from '../onnx/graph.js';
import { attention } from './attention.js';
import type { DecoderConfig } from './architecture.js';
import { LayerWriter, type PackedDecoder } from './layer.js';
import type { QuantisedKernel } from './linear.js';
import { PAGE_TOKENS } from './page-codec.js';

/** Keys and values of every page of a layer, as the page store holds them. */
interface Planes {
  /** u8 [kvHeads, pages, 16·D], zero point 128, and f32 [kvHeads, pages]. */
  keys: string;
  keyScales: string;
  /** i8 [kvHeads, pages, 16·D] and f32 [kvHeads, pages, 16]. */
  values: string;
  valueScales: string;
}

/** How a page is scored from its keys' scores. */
export type PageScore = 'max' | 'log-sum-exp';

export interface SelectOptions {
  score: PageScore;
  /** One layer of so many scores its pages; the others of the group take over its choice. 1: each for itself. */
  group: number;
}

/**
 * Reads a question and chooses, per layer and KV head, the pages it attends to (docs/engine.md). One sequence.
 *
 * in   embeddings f32 [1, S, N] · positions i64 [1, S] · shape i64 [2] = 1, S · causal f32 [group·S, S]
 *      lengths i64 [3] = P, 16·n, S · scored i64 [R]: question tokens that score (of S)
 *      pages i64 [K, c]: candidates in temporal order, in K pieces of c, the last filled up with any · valid f32 [C, 16]: 1 where a page's row holds a token
 *      prior f32 [C]: added to the pages' scores · count i64 [1] = n · first i64 [1] = P: position of the first row
 *      prefix_key.I, prefix_value.I f32 [1, kvHeads, P, D] · keys.I, key_scales.I, values.I, value_scales.I: the planes
 * out  logits f32 [1, V] of the last token · key.I (rotated), value.I f32 [1, kvHeads, S, D]
 *      selected_key.I (rotated), selected_value.I f32 [1, kvHeads, 16·n, D] · selected_bias.I f32 [1, kvHeads, 1, 16·n]
 *      selected.I i64 [kvHeads, n]: which candidates · mass.I f32 [1, kvHeads, 16·n] for the evidence layers
 */
export function selectGraph(
  decoder: PackedDecoder,
  evidenceLayers: readonly number[],
  options: SelectOptions,
  kernel: QuantisedKernel,
): Graph {
  const { config } = decoder;
  const { hidden, kvHeads, headDim, layers, vocabulary } = config;
  const graph = new Graph('select');
  const embeddings = graph.input('embeddings', 'float32', [1, 'S', hidden]);
  const positions = graph.input('positions', 'int64', [1, 'S']);
  const shape = graph.input('shape', 'int64', [2]);
  const causal = graph.input('causal', 'float32', ['rows', 'S']);
  const lengths = graph.input('lengths', 'int64', [3]);
  const writer = new LayerWriter(graph, decoder, positions, shape, kernel, true, { batch: 1, length: 'S' });
  const selector = new SelectorWriter(graph, decoder, options, kernel === 'columns' ? 127 : 63);
  let x = graph.op('Reshape', [embeddings, graph.constant('int64', [-1, hidden])], { dims: ['tokens', hidden] });
  let delta: string | undefined;
  let chosen: Chosen | undefined;
  for (let i = 0; i < layers; i++) {
    const prefix = {
      key: graph.input(`prefix_key.${i}`, 'float32', [1, kvHeads, 'P', headDim]),
      value: graph.input(`prefix_value.${i}`, 'float32', [1, kvHeads, 'P', headDim]),
    };
    const planes: Planes = {
      keys: graph.input(`keys.${i}`, 'uint8', [kvHeads, 'pages', PAGE_TOKENS * headDim]),
      keyScales: graph.input(`key_scales.${i}`, 'float32', [kvHeads, 'pages']),
      values: graph.input(`values.${i}`, 'int8', [kvHeads, 'pages', PAGE_TOKENS * headDim]),
      valueScales: graph.input(`value_scales.${i}`, 'float32', [kvHeads, 'pages', PAGE_TOKENS]),
    };
    const before = writer.norm(`layer${i}.attention_norm`, x, delta, decoder.layers[i]!.attentionNorm);
    const { query, rawQuery, key, value } = writer.project(i, before.normed);
    if (i % options.group === 0 || chosen === undefined) chosen = selector.choose(rawQuery, planes);
    const rows = selector.gather(planes, chosen);
    graph.output(rows.key, 'float32', [1, kvHeads, 'rows', headDim], `selected_key.${i}`);
    graph.output(rows.value, 'float32', [1, kvHeads, 'rows', headDim], `selected_value.${i}`);
    graph.output(rows.mask, 'float32', [1, kvHeads, 1, 'rows'], `selected_bias.${i}`);
    graph.output(chosen.candidates, 'int64', [kvHeads, 'n'], `selected.${i}`);
    graph.output(key, 'float32', [1, kvHeads, 'S', headDim], `key.${i}`);
    graph.output(value, 'float32', [1, kvHeads, 'S', headDim], `value.${i}`);
    const { mixed, probabilities } = attention(graph, query, [prefix, rows, { key, value, mask: causal }], lengths);
    if (evidenceLayers.includes(i)) {
      const mass = graph.op('ReduceSum', [probabilities[1]!, graph.constant('int64', [2])], {
        attributes: { keepdims: 0 },
      });
      graph.output(mass, 'float32', [1, kvHeads, 'rows'], `mass.${i}`);
    }
    const output = writer.attentionOutput(i, mixed);
    const after = writer.norm(`layer${i}.ffn_norm`, before.x, output, decoder.layers[i]!.feedForwardNorm);
    delta = writer.feedForward(i, after.normed);
    x = after.x;
  }
  const last = graph.constant('int64', [-1]);
  graph.output(writer.logits(graph.op('Add', [x, delta!]), last), 'float32', [1, vocabulary], 'logits');
  return graph;
}

/** The pages a layer attends to, per KV head in temporal order, [kvHeads, n] each. */
interface Chosen {
  /** Number among the candidates. */
  candidates: string;
  /** Number in the planes, as indices [kvHeads, n, 1]. */
  pages: string;
  /** Positions [kvHeads, 16·n] of the rows: rows that hold no token take none. */
  positions: string;
  /** [1, kvHeads, 1, 16·n]. */
  mask: string;
}

/** Writes scoring, choice and gathering of pages. */
class SelectorWriter {
  private readonly config: DecoderConfig;
  private readonly pages: string;
  private readonly valid: string;
  private readonly prior: string;
  private readonly count: string;
  private readonly first: string;
  private readonly scored: string;

  constructor(
    private readonly graph: Graph,
    private readonly decoder: PackedDecoder,
    private readonly options: SelectOptions,
    /** Largest number of a rounded query: 63 where sums of two products of bytes must stay within 16 bits. */
    private readonly queryPeak: 127 | 63,
  ) {
    this.config = decoder.config;
    this.pages = graph.input('pages', 'int64', ['K', 'c']);
    this.valid = graph.input('valid', 'float32', ['C', PAGE_TOKENS]);
    this.prior = graph.input('prior', 'float32', ['C']);
    this.count = graph.input('count', 'int64', [1]);
    this.first = graph.input('first', 'int64', [1]);
    this.scored = graph.input('scored', 'int64', ['R']);
  }

  /** @param rawQuery [1, kvHeads, group·S, D] without phase */
  choose(rawQuery: string, planes: Planes): Chosen {
    const { graph } = this;
    const { kvHeads } = this.config;
    const importance = graph.op('Add', [this.importance(rawQuery, planes), this.prior]);
    const best = graph.multi('TopK', [importance, this.count], 2, {
      attributes: { axis: 1, sorted: 0 },
    })[1]!;
    const ordered = graph.multi('TopK', [best, this.count], 2, { attributes: { axis: 1, largest: 0 } })[0]!;
    const inOrder = graph.once('in order', () => graph.op('Reshape', [this.pages, graph.constant('int64', [-1])]));
    const pages = graph.op('Unsqueeze', [graph.op('Gather', [inOrder, ordered]), graph.constant('int64', [-1])]);
    const valid = graph.op('Reshape', [
      graph.op('Gather', [this.valid, ordered]),
      graph.constant('int64', [kvHeads, -1]),
    ]);
    const filled = graph.op('CumSum', [valid, graph.constant('int64', 1)]);
    const ordinal = graph.op('Cast', [graph.op('Sub', [filled, valid])], { attributes: { to: 7 } });
    const hidden = graph.op('Mul', [
      graph.op('Sub', [graph.constant('float32', 1), valid]),
      graph.constant('float32', -1e9),
    ]);
    return {
      candidates: ordered,
      pages,
      positions: graph.op('Add', [ordinal, this.first]),
      mask: graph.op('Reshape', [hidden, graph.constant('int64', [1, kvHeads, 1, -1])]),
    };
  }

  gather(planes: Planes, chosen: Chosen): { key: string; value: string; mask: string } {
    const { graph } = this;
    const { kvHeads, headDim } = this.config;
    const perHead = (data: string): string =>
      graph.op('GatherND', [data, chosen.pages], { attributes: { batch_dims: 1 } });
    const floats = (data: string): string => graph.op('Cast', [data], { attributes: { to: 1 } });
    const rows = (data: string): string => graph.op('Reshape', [data, graph.constant('int64', [kvHeads, -1, headDim])]);

    const centred = graph.op('Sub', [floats(perHead(planes.keys)), graph.constant('float32', 128)]);
    const keyScale = graph.op('Unsqueeze', [perHead(planes.keyScales), graph.constant('int64', [-1])]);
    const { cos, sin } = this.decoder;
    const half = headDim / 2;
    const table = (name: string, data: Float32Array): string =>
      graph.weight(name, 'float32', [data.length / half, half], data);
    // Each KV head is a batch entry of one head: their rows stand at positions of their own.
    const rotated = graph.op(
      'RotaryEmbedding',
      [rows(graph.op('Mul', [centred, keyScale])), chosen.positions, table('cos', cos), table('sin', sin)],
      { domain: MICROSOFT },
    );
    const valueScale = graph.op('Reshape', [perHead(planes.valueScales), graph.constant('int64', [kvHeads, -1, 1])]);
    const value = graph.op('Mul', [rows(floats(perHead(planes.values))), valueScale]);
    const outer = graph.constant('int64', [0]);
    return {
      key: graph.op('Unsqueeze', [rotated, outer]),
      value: graph.op('Unsqueeze', [value, outer]),
      mask: chosen.mask,
    };
  }

  /** [kvHeads, C]: the largest share that any scoring query gives to a page. */
  private importance(rawQuery: string, planes: Planes): string {
    const { graph } = this;
    const { kvHeads, headDim, heads } = this.config;
    const group = heads / kvHeads;
    const inGroups = graph.op('Reshape', [rawQuery, graph.constant('int64', [kvHeads, group, -1, headDim])]);
    const scoring = graph.op('Gather', [inGroups, this.scored], { attributes: { axis: 2 } });
    const queries = graph.op('Reshape', [scoring, graph.constant('int64', [kvHeads, -1, headDim])]);
    const peak = graph.op('ReduceMax', [graph.op('Abs', [queries]), graph.constant('int64', [-1])], {
      attributes: { keepdims: 1 },
    });
    const queryScale = graph.op('Mul', [peak, graph.constant('float32', 1 / this.queryPeak)]);
    const bytes = graph.op('QuantizeLinear', [
      graph.op('Transpose', [graph.op('Div', [queries, queryScale])], { attributes: { perm: [0, 2, 1] } }),
      graph.constant('float32', 1),
      graph.constant('int8', 0),
    ]);
    const scales = graph.op('Transpose', [queryScale], { attributes: { perm: [0, 2, 1] } });
    const body = this.scores(planes, bytes, scales, this.queryCount(queries));
    const pieces = graph.op('Scan', [this.pages], { attributes: { body, num_scan_inputs: 1 } }); // [K, kvHeads, c, R]
    const byQuery = graph.op('Transpose', [pieces], { attributes: { perm: [1, 3, 0, 2] } });
    const padded = graph.op('Reshape', [byQuery, graph.constant('int64', [0, 0, -1])]);
    const scores = graph.op('Slice', [
      padded,
      graph.constant('int64', [0]),
      graph.once('candidates', () => graph.op('Shape', [this.prior])),
      graph.constant('int64', [2]),
    ]);
    const shares = graph.op('LogSoftmax', [scores], { attributes: { axis: -1 } });
    return graph.op('ReduceMax', [shares, graph.constant('int64', [1])], { attributes: { keepdims: 0 } });
  }

  /**
   * Body of a Scan: pages i64 [c] → scores f32 [kvHeads, c, R]. A piece's products stay in the processor's caches; those of a million
   * tokens at once were 650 MB.
   * @param queries i8 [kvHeads, D, R] @param queryScales f32 [kvHeads, 1, R] @param count i64 [1] = R
   */
  private scores(planes: Planes, queries: string, queryScales: string, count: string): Graph {
    const { kvHeads, headDim } = this.config;
    const body = new Graph('scores', `${planes.keys}.scores.`);
    const pages = body.input(`${planes.keys}.piece`, 'int64', ['c']);
    const keys = body.op('Gather', [planes.keys, pages], { attributes: { axis: 1 } });
    const flat = body.op('Reshape', [keys, body.constant('int64', [kvHeads, -1, headDim])]);
    const products = body.op('MatMulInteger', [flat, queries, body.constant('uint8', 128)]);
    const paged = body.op('Reshape', [
      products,
      body.op('Concat', [body.constant('int64', [kvHeads, -1, PAGE_TOKENS]), count], { attributes: { axis: 0 } }),
    ]);
    const keyScales = body.op('Gather', [planes.keyScales, pages], { attributes: { axis: 1 } });
    const scale = body.op('Mul', [body.op('Unsqueeze', [keyScales, body.constant('int64', [-1])]), queryScales]);
    const axis = body.constant('int64', [2]);
    const floats = (data: string): string => body.op('Cast', [data], { attributes: { to: 1 } });
    const over = (op: string, data: string): string => body.op(op, [data, axis], { attributes: { keepdims: 0 } });
    const scores =
      this.options.score === 'max'
        ? body.op('Mul', [floats(over('ReduceMax', paged)), scale])
        : over('ReduceLogSumExp', body.op('Mul', [floats(paged), body.op('Unsqueeze', [scale, axis])]));
    body.output(scores, 'float32', [kvHeads, 'c', 'R']);
    return body;
  }

  private queryCount(queries: string): string {
    const { graph } = this;
    return graph.once('queries', () => graph.op('Shape', [queries], { attributes: { start: 1, end: 2 } }));
  }
}
