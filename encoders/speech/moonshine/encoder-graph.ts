import { Graph, MICROSOFT, type OnnxContents } from '#runtime';
import { Layers, type MatrixBytes } from './layers.js';
import { MoonshineWeights, SHAPE } from './weights.js';

/** Enough for 60 s. */
const POSITIONS = 2560;

/** Samples at 16 kHz that one encoder step stands for: strides 64, 3 and 2. */
export const STEP_SAMPLES = 384;
/** Shorter input has no step at all. */
export const MIN_SAMPLES = 127 + 64 * (7 + 3 * 2 - 1);

/** Steps that the encoder makes of so many samples. */
export function stepsOf(samples: number): number {
  const convolved = (length: number, width: number, stride: number): number =>
    Math.floor((length - width) / stride) + 1;
  return convolved(convolved(convolved(samples, 127, 64), 7, 3), 3, 2);
}

/** Names of the decoder's memory of the sound: keys, then values, of each layer. */
export const crossNames = (layer: number): [key: string, value: string] => [
  `cross_key.${layer}`,
  `cross_value.${layer}`,
];

/**
 * Moonshine's encoder, and the projections that the decoder's cross-attention makes of its output: they depend on the
 * sound alone, so they are made once an utterance.
 *
 * `samples` float32 [1, n] → `cross_key.i`, `cross_value.i` float32 [1, heads, t, headSize] of each layer.
 */
export function encoderGraph(encoder: OnnxContents, decoder: OnnxContents, bytes: MatrixBytes): Graph {
  const weights = new MoonshineWeights(encoder, { nodes: '/', weights: '', weightSuffix: '' });
  const graph = new Graph('moonshine-encoder');
  const layers = new Layers(graph, POSITIONS, bytes);
  let x = frontEnd(graph, layers, weights);

  const origin = graph.constant('int64', [0]);
  for (let i = 0; i < SHAPE.layers; i++) {
    const at = `layers.${i}`;
    const normed = layers.norm(x, weights.vector(`${at}.input_layernorm.weight`));
    const projections = ['q', 'k', 'v'].map((name) => weights.matrix(`${at}/self_attn/${name}_proj`));
    const [q, k, v] = layers.parts(layers.linear(normed, projections), 3);
    const turned = [layers.rotate(q!, origin), layers.rotate(k!, origin), v!];
    const heard = graph.op('MultiHeadAttention', turned, { domain: MICROSOFT, attributes: { num_heads: SHAPE.heads } });
    x = layers.add(x, layers.linear(heard, [weights.matrix(`${at}/self_attn/dense`)]));

    const inner = layers.norm(x, weights.vector(`${at}.post_attention_layernorm.weight`));
    const wide = layers.linear(inner, [weights.matrix(`${at}/mlp/fc1`)], weights.vector(`${at}.mlp.fc1.bias`));
    const gelu = graph.op('Gelu', [wide], { domain: MICROSOFT });
    x = layers.add(x, layers.linear(gelu, [weights.matrix(`${at}/mlp/fc2`)], weights.vector(`${at}.mlp.fc2.bias`)));
  }
  x = layers.norm(x, weights.vector('layer_norm.weight'));

  const cross = new MoonshineWeights(decoder, {
    nodes: '/model/decoder/',
    weights: 'model.decoder.',
    weightSuffix: '_merged_0',
  });
  // One product for all would hold them twice, 18 MB for the longest stretch, before the first is in its place.
  for (let i = 0; i < SHAPE.layers; i++)
    crossNames(i).forEach((name, which) => {
      const projection = cross.matrix(`layers.${i}/encoder_attn/${'kv'[which]}_proj`);
      const made = layers.heads(layers.linear(x, [projection]));
      graph.output(made, 'float32', [1, SHAPE.heads, 't', SHAPE.headSize], name);
    });
  return graph;
}

/** Three convolutions straight over the samples → [1, t, width]. */
function frontEnd(graph: Graph, layers: Layers, weights: MoonshineWeights): string {
  const conv = (input: string, name: string, stride: number, bias: boolean) => {
    const { dims, values } = weights.filters(`${name}.weight`);
    const inputs = [input, layers.weight('float32', dims, values)];
    if (bias) inputs.push(layers.weight('float32', [dims[0]!], weights.vector(`${name}.bias`)));
    return graph.op('Conv', inputs, { attributes: { strides: [stride] } });
  };
  const samples = graph.op('Unsqueeze', [graph.input('samples', 'float32', [1, 'n']), graph.constant('int64', [1])]);
  const first = graph.op('Tanh', [conv(samples, 'conv1', 64, false)]);

  // One group over all channels and times, then a scale and an offset per channel.
  const flat = graph.op('Reshape', [first, graph.constant('int64', [0, 1, -1])]);
  const unit = ['one', 'zero'].map((_, i) => graph.constant('float32', [1 - i]));
  const normed = graph.op('InstanceNormalization', [flat, ...unit], { attributes: { epsilon: { float: 1e-5 } } });
  const shaped = graph.op('Reshape', [normed, graph.constant('int64', [1, SHAPE.width, -1])]);
  const perChannel = (name: string) => layers.weight('float32', [SHAPE.width, 1], weights.floats(name));
  const scaled = graph.op('Mul', [shaped, perChannel('onnx::Mul_1488')]);
  const grouped = graph.op('Add', [scaled, perChannel('onnx::Add_1489')]);

  const gelu = (value: string) => graph.op('Gelu', [value], { domain: MICROSOFT });
  const third = gelu(conv(gelu(conv(grouped, 'conv2', 3, true)), 'conv3', 2, true));
  return graph.op('Transpose', [third], { attributes: { perm: [0, 2, 1] } });
}
