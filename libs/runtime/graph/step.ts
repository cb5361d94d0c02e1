import { Graph } from '../onnx/graph.js';
import type { Dimension } from '../onnx/types.js';
import { attention } from './attention.js';
import { LayerWriter, type PackedDecoder } from './layer.js';
import type { QuantisedKernel } from './linear.js';

/**
 * One step of B sequences with S new tokens each over their working sets of at most W tokens.
 *
 * in   embeddings f32 [B, S, N] · positions i64 [B, S] · shape i64 [2] = B, S · lengths i64 [2] = W, S
 *      causal f32 [group·S, S] · rows i64 [R]: rows of [B·S] whose logits are wanted
 *      past_key.I, past_value.I f32 [B, kvHeads, W, D] (rotated)
 *      bias f32 [B, layers, kvHeads, 1, W]: 0 or very negative
 * out  logits f32 [R, V] · keys (rotated), values f32 [layers·B, kvHeads, S, D]
 *      mass f32 [evidence layers·B, kvHeads, W]: attention summed over the new tokens and query heads
 *
 * Small tensors of all layers are one input or output: each costs some microseconds on its way from or to JavaScript.
 */
export function stepGraph(decoder: PackedDecoder, evidenceLayers: readonly number[], kernel: QuantisedKernel): Graph {
  const { hidden, kvHeads, headDim, layers, vocabulary } = decoder.config;
  const graph = new Graph('step');
  const embeddings = graph.input('embeddings', 'float32', ['B', 'S', hidden]);
  const positions = graph.input('positions', 'int64', ['B', 'S']);
  const shape = graph.input('shape', 'int64', [2]);
  const lengths = graph.input('lengths', 'int64', [2]);
  const causal = graph.input('causal', 'float32', ['rows', 'S']);
  const rows = graph.input('rows', 'int64', ['R']);
  const bias = graph.input('bias', 'float32', ['B', layers, kvHeads, 1, 'W']);
  const writer = new LayerWriter(graph, decoder, positions, shape, kernel, false);
  const collected = { keys: [] as string[], values: [] as string[], mass: [] as string[] };
  let x = embeddings;
  let delta: string | undefined;
  for (let i = 0; i < layers; i++) {
    const past = {
      key: graph.input(`past_key.${i}`, 'float32', ['B', kvHeads, 'W', headDim]),
      value: graph.input(`past_value.${i}`, 'float32', ['B', kvHeads, 'W', headDim]),
      mask: graph.op('Gather', [bias, graph.constant('int64', i)], { attributes: { axis: 1 } }),
    };
    const before = writer.norm(`layer${i}.attention_norm`, x, delta, decoder.layers[i]!.attentionNorm);
    const { query, key, value } = writer.project(i, before.normed, { raw: false });
    collected.keys.push(key);
    collected.values.push(value);
    const { mixed, probabilities } = attention(graph, query, [past, { key, value, mask: causal }], lengths, headDim);
    if (evidenceLayers.includes(i)) {
      const mass = graph.op('ReduceSum', [probabilities[0]!, graph.constant('int64', [2])], {
        attributes: { keepdims: 0 },
      });
      collected.mass.push(mass);
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
  const all = (name: keyof typeof collected, dims: Dimension[]): void => {
    if (collected[name].length === 0) return;
    graph.output(graph.op('Concat', collected[name], { attributes: { axis: 0 }, names: [name] }), 'float32', dims);
  };
  all('keys', ['layers', kvHeads, 'S', headDim]);
  all('values', ['layers', kvHeads, 'S', headDim]);
  all('mass', ['evidence', kvHeads, 'W']);
  const last = graph.op('Reshape', [graph.op('Add', [x, delta!]), graph.constant('int64', [-1, hidden])]);
  graph.output(writer.logits(last, rows), 'float32', ['R', vocabulary], 'logits');
  return graph;
}
