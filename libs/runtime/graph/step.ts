import { Graph } from '../onnx/graph.js';
import { attention } from './attention.js';
import { LayerWriter, type PackedDecoder } from './layer.js';

/**
 * One step of B sequences with S new tokens each over their working sets of at most W tokens.
 *
 * in   embeddings f32 [B, S, N] · positions i64 [B, S] · shape i64 [2] = B, S · lengths i64 [2] = W, S
 *      causal f32 [group·S, S] · rows i64 [R]: rows of [B·S] whose logits are wanted
 *      past_key.I, past_value.I f32 [B, kvHeads, W, D] (rotated) · bias.I f32 [B, kvHeads, 1, W]: 0 or very negative
 * out  logits f32 [R, V] · key.I (rotated), value.I f32 [B, kvHeads, S, D]
 *      mass.I f32 [B, kvHeads, W] for the evidence layers: attention summed over the new tokens and query heads
 */
export function stepGraph(
  decoder: PackedDecoder,
  evidenceLayers: readonly number[],
  kernel: 'blocks' | 'columns',
): Graph {
  const { hidden, kvHeads, headDim, layers, vocabulary } = decoder.config;
  const graph = new Graph('step');
  const embeddings = graph.input('embeddings', 'float32', ['B', 'S', hidden]);
  const positions = graph.input('positions', 'int64', ['B', 'S']);
  const shape = graph.input('shape', 'int64', [2]);
  const lengths = graph.input('lengths', 'int64', [2]);
  const causal = graph.input('causal', 'float32', ['rows', 'S']);
  const rows = graph.input('rows', 'int64', ['R']);
  const writer = new LayerWriter(graph, decoder, positions, shape, kernel);
  let x = graph.op('Reshape', [embeddings, graph.constant('int64', [-1, hidden])]);
  let delta: string | undefined;
  for (let i = 0; i < layers; i++) {
    const past = {
      key: graph.input(`past_key.${i}`, 'float32', ['B', kvHeads, 'W', headDim]),
      value: graph.input(`past_value.${i}`, 'float32', ['B', kvHeads, 'W', headDim]),
      mask: graph.input(`bias.${i}`, 'float32', ['B', kvHeads, 1, 'W']),
    };
    const before = writer.norm(`layer${i}.attention_norm`, x, delta, decoder.layers[i]!.attentionNorm);
    const own = { key: `key.${i}`, value: `value.${i}` };
    const { query, key, value } = writer.project(i, before.normed, { raw: false, ...own });
    graph.output(key, 'float32', ['B', kvHeads, 'S', headDim]);
    graph.output(value, 'float32', ['B', kvHeads, 'S', headDim]);
    const { mixed, probabilities } = attention(graph, query, [past, { key, value, mask: causal }], lengths, headDim);
    if (evidenceLayers.includes(i)) {
      const mass = graph.op('ReduceSum', [probabilities[0]!, graph.constant('int64', [2])], {
        attributes: { keepdims: 0 },
      });
      graph.output(mass, 'float32', ['B', kvHeads, 'W'], `mass.${i}`);
    }
    const after = writer.norm(
      `layer${i}.ffn_norm`,
      before.x,
      writer.attentionOutput(i, mixed),
      decoder.layers[i]!.feedForwardNorm,
    );
    delta = writer.feedForward(i, after.normed);
    x = after.x;
  }
  graph.output(writer.logits(graph.op('Add', [x, delta!]), rows), 'float32', ['R', vocabulary], 'logits');
  return graph;
}
