import { Graph } from '../onnx/graph.js';
import { attention } from './attention.js';
import { LayerWriter, type PackedDecoder } from './layer.js';

/**
 * Prefill of a batch of segments: each attends to the shared prefix and to itself. There are no logits, and of the
 * last layer nothing but keys and values.
 *
 * in   embeddings f32 [S, T, N] · positions i64 [S, T] · shape i64 [2] = S, T · lengths i64 [2] = P, T
 *      causal f32 [group·T, T] · prefix_key.I, prefix_value.I f32 [1, kvHeads, P, D] (rotated)
 * out  key.I (without phase), value.I f32 [S, kvHeads, T, D]
 */
export function prefillGraph(decoder: PackedDecoder): Graph {
  const { hidden, kvHeads, headDim, layers } = decoder.config;
  const graph = new Graph('prefill');
  const embeddings = graph.input('embeddings', 'float32', ['S', 'T', hidden]);
  const positions = graph.input('positions', 'int64', ['S', 'T']);
  const shape = graph.input('shape', 'int64', [2]);
  const lengths = graph.input('lengths', 'int64', [2]);
  const causal = graph.input('causal', 'float32', ['rows', 'T']);
  const writer = new LayerWriter(graph, decoder, positions, shape);
  let x = graph.op('Reshape', [embeddings, graph.constant('int64', [-1, hidden])]);
  let delta: string | undefined;
  for (let i = 0; i < layers; i++) {
    const prefix = {
      key: graph.input(`prefix_key.${i}`, 'float32', [1, kvHeads, 'P', headDim]),
      value: graph.input(`prefix_value.${i}`, 'float32', [1, kvHeads, 'P', headDim]),
    };
    const before = writer.norm(`layer${i}.attention_norm`, x, delta, decoder.layers[i]!.attentionNorm);
    const { query, key, rawKey, value } = writer.project(i, before.normed, { raw: true });
    graph.output(rawKey, 'float32', ['S', kvHeads, 'T', headDim], `key.${i}`);
    graph.output(value, 'float32', ['S', kvHeads, 'T', headDim], `value.${i}`);
    if (i === layers - 1) break;
    const { mixed } = attention(graph, query, [prefix, { key, value, mask: causal }], lengths, headDim);
    const after = writer.norm(
      `layer${i}.ffn_norm`,
      before.x,
      writer.attentionOutput(i, mixed),
      decoder.layers[i]!.feedForwardNorm,
    );
    delta = writer.feedForward(i, after.normed);
    x = after.x;
  }
  return graph;
}
