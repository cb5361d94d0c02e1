import { Graph } from '../onnx/graph.js';
import type { Dimension } from '../onnx/types.js';
import { attention } from './attention.js';
import { LayerWriter, type PackedDecoder } from './layer.js';
import type { QuantisedKernel } from './linear.js';

/**
 * One step of B sequences with S new tokens each over their working sets of at most W tokens.
 *
 * in   embeddings f32 [B, S, N] · positions i64 [B, S] · shape i64 [2] = B, S · lengths i64 [2] = W, S
 *      grouping i64 [2] = parts, rows: group·S, 1 or 1, group·S · causal f32 [parts, rows, S]
 *      rows i64 [R]: rows of [B·S] whose logits are wanted
 *      past_key.I, past_value.I f32 [B, 1, kvHeads, 1, W, D] (rotated)
 *      bias f32 [B, layers, kvHeads, 1, 1, W]: 0 or very negative
 * out  logits f32 [R, V] · keys (rotated), values f32 [layers·B, 1, kvHeads, 1, S, D]
 *      mass f32 [evidence layers·B, 1, kvHeads, W]: attention summed over the new tokens and query heads
 *
 * For few new tokens the query heads of a group are parts, products of one row each, which onnxruntime computes straight from the keys
 * and values in memory; for many they are rows of one product, which copies keys and values into an order of its own first
 * (docs/decisions/0015).
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
  const grouping = graph.input('grouping', 'int64', [2]);
  const causal = graph.input('causal', 'float32', ['parts', 'rows', 'S']);
  const rows = graph.input('rows', 'int64', ['R']);
  const bias = graph.input('bias', 'float32', ['B', layers, kvHeads, 1, 1, 'W']);
  const writer = new LayerWriter(graph, decoder, positions, shape, kernel, false);
  // A dimension of one stands for the layer in keys and values too: what is cut from the bias needs no other shape then.
  const masks = graph.multi('Split', [bias], layers, { attributes: { axis: 1, num_outputs: layers } });
  const collected = { keys: [] as string[], values: [] as string[], mass: [] as string[] };
  let x = embeddings;
  let delta: string | undefined;
  for (let i = 0; i < layers; i++) {
    const past = {
      key: graph.input(`past_key.${i}`, 'float32', ['B', 1, kvHeads, 1, 'W', headDim]),
      value: graph.input(`past_value.${i}`, 'float32', ['B', 1, kvHeads, 1, 'W', headDim]),
      mask: masks[i]!,
    };
    const before = writer.norm(`layer${i}.attention_norm`, x, delta, decoder.layers[i]!.attentionNorm);
    const { query, key, value } = writer.projectFew(i, before.normed, grouping);
    collected.keys.push(key);
    collected.values.push(value);
    const { mixed, probabilities } = attention(graph, query, [past, { key, value, mask: causal }], lengths);
    if (evidenceLayers.includes(i)) {
      const mass = graph.op('ReduceSum', [probabilities[0]!, graph.constant('int64', [3, 4])], {
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
  all('keys', ['layers', 1, kvHeads, 1, 'S', headDim]);
  all('values', ['layers', 1, kvHeads, 1, 'S', headDim]);
  all('mass', ['evidence', 1, kvHeads, 'W']);
  const last = graph.op('Reshape', [graph.op('Add', [x, delta!]), graph.constant('int64', [-1, hidden])]);
  graph.output(writer.logits(last, rows), 'float32', ['R', vocabulary], 'logits');
  return graph;
}
