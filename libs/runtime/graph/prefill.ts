import { Graph } from '../onnx/graph.js';
import type { Dimension, ElementType } from '../onnx/types.js';
import { attention } from './attention.js';
import { LayerWriter, type PackedDecoder } from './layer.js';
import type { QuantisedKernel } from './linear.js';
import { encodeRows, PAGE_TOKENS } from './page-codec.js';

/**
 * Prefill of a batch of segments: each attends to the shared prefix and to itself. There are no logits, and of the
 * last layer nothing but keys and values.
 *
 * in   embeddings f32 [S, T, N] · positions i64 [S, T] · shape i64 [2] = S, T ·
 *      causal f32 [group·T, P + T] · prefix_key.I, prefix_value.I f32 [1, kvHeads, P, D] (rotated)
 * out  float32: keys (without phase), values f32 [layers·S, kvHeads, T, D]
 *      int8 (T a multiple of 16): keys u8 [layers·S, kvHeads, T/16, 16·D] around 128 with key_scales
 *      [layers·S, kvHeads, T/16, 1], values i8 [layers·S, kvHeads, T, D] with value_scales [layers·S, kvHeads, T, 1]
 *      rotated_key.I, exact_value.I f32 [S, kvHeads, T, D]: what a prefix is kept in, since everything attends to it
 */
export function prefillGraph(decoder: PackedDecoder, kernel: QuantisedKernel): Graph {
  const { hidden, kvHeads, headDim, layers } = decoder.config;
  const graph = new Graph('prefill');
  const embeddings = graph.input('embeddings', 'float32', ['S', 'T', hidden]);
  const positions = graph.input('positions', 'int64', ['S', 'T']);
  const shape = graph.input('shape', 'int64', [2]);
  const causal = graph.input('causal', 'float32', ['rows', 'columns']);
  const writer = new LayerWriter(graph, decoder, positions, shape, kernel, true, { batch: 'S', length: 'T' });
  let x = graph.op('Reshape', [embeddings, graph.constant('int64', [-1, hidden])], { dims: ['tokens', hidden] });
  let delta: string | undefined;
  const pages = new PageOutputs(graph, decoder);
  const segments = graph.op('Slice', [shape, graph.constant('int64', [0]), graph.constant('int64', [1])]);
  const spread = graph.op('Concat', [segments, graph.constant('int64', [1, 1, 1])], { attributes: { axis: 0 } });
  for (let i = 0; i < layers; i++) {
    const prefix = {
      key: graph.input(`prefix_key.${i}`, 'float32', [1, kvHeads, 'P', headDim]),
      value: graph.input(`prefix_value.${i}`, 'float32', [1, kvHeads, 'P', headDim]),
    };
    const before = writer.norm(`layer${i}.attention_norm`, x, delta, decoder.layers[i]!.attentionNorm);
    const exact = { key: `rotated_key.${i}`, value: `exact_value.${i}` };
    const { query, key, rawKey, value } = writer.project(i, before.normed, exact);
    graph.output(key, 'float32', ['S', kvHeads, 'T', headDim]);
    graph.output(value, 'float32', ['S', kvHeads, 'T', headDim]);
    pages.add(rawKey, value);
    if (i === layers - 1) break;
    // The prefix is short: joined with the segment's own rows it costs less than scores in two parts.
    const join = (first: string, own: string): string =>
      graph.op('Concat', [graph.op('Expand', [first, spread], { dims: ['S', kvHeads, 'P', headDim] }), own], {
        attributes: { axis: 2 },
        dims: ['S', kvHeads, 'columns', headDim],
      });
    const all = { key: join(prefix.key, key), value: join(prefix.value, value), mask: causal };
    const { mixed } = attention(graph, query, [all], '');
    const after = writer.norm(
      `layer${i}.ffn_norm`,
      before.x,
      writer.attentionOutput(i, mixed),
      decoder.layers[i]!.feedForwardNorm,
    );
    delta = writer.feedForward(i, after.normed);
    x = after.x;
  }
  pages.write();
  return graph;
}

/** Collects what becomes pages, and makes each kind one output for all layers: every output has its price. */
class PageOutputs {
  private readonly rows = new Map<string, { parts: string[]; type: ElementType; dims: Dimension[] }>();

  constructor(
    private readonly graph: Graph,
    private readonly decoder: PackedDecoder,
  ) {}

  add(key: string, value: string): void {
    const { graph } = this;
    const { headDim } = this.decoder.config;
    if (this.decoder.precision === 'float32') {
      this.push('keys', key, 'float32', ['T', headDim]);
      this.push('values', value, 'float32', ['T', headDim]);
      return;
    }
    const dims = ['S', this.decoder.config.kvHeads, 'T', headDim] as const;
    const keys = encodeRows(graph, key, dims, PAGE_TOKENS, 128);
    const values = encodeRows(graph, value, dims, 1, 0);
    this.push('keys', keys.codes, 'uint8', ['pages', PAGE_TOKENS * headDim]);
    this.push('key_scales', keys.scales, 'float32', ['pages', 1]);
    this.push('values', values.codes, 'int8', ['T', headDim]);
    this.push('value_scales', values.scales, 'float32', ['T', 1]);
  }

  write(): void {
    const { graph } = this;
    for (const [name, { parts, type, dims }] of this.rows) {
      const all = graph.op('Concat', parts, { attributes: { axis: 0 }, names: [name] });
      graph.output(all, type, ['layers', this.decoder.config.kvHeads, ...dims]);
    }
  }

  private push(name: string, part: string, type: ElementType, dims: Dimension[]): void {
    const known = this.rows.get(name);
    if (known) known.parts.push(part);
    else this.rows.set(name, { parts: [part], type, dims });
  }
}
