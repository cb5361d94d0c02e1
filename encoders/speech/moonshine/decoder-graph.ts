import { Graph, MICROSOFT, type OnnxContents } from '#runtime';
import { crossNames } from './encoder-graph.js';
import { Layers, type MatrixBytes } from './layers.js';
import { MoonshineWeights, SHAPE, transposed, type QuantisedMatrix } from './weights.js';

/** Longest text of one utterance, in tokens. */
export const MAX_TOKENS = 448;

export const pastNames = (layer: number): [key: string, value: string] => [`past_key.${layer}`, `past_value.${layer}`];
export const presentNames = (layer: number): [key: string, value: string] => [
  `present_key.${layer}`,
  `present_value.${layer}`,
];

/**
 * One step of Moonshine's decoder for b utterances that all are at the same position.
 *
 * `tokens` int64 [b, 1], `position` int64 [1], `past_*` float32 [b, heads, p, headSize], `cross_*` float32
 * [b, heads, t, headSize] and `cross_bias` float32 [b, 1, 1, t] (0, or very negative where an utterance has ended)
 * → `token` int64 [b] and `probability` float32 [b] of the best next token, `logits` [b, vocabulary], `present_*`.
 */
export function decoderStepGraph(decoder: OnnxContents, bytes: MatrixBytes): Graph {
  const graph = new Graph('moonshine-decoder');
  const layers = new Layers(graph, MAX_TOKENS, bytes);
  const weights = decoderWeights(decoder);
  const { heads, headSize, vocabulary } = SHAPE;

  const tokens = graph.input('tokens', 'int64', ['b', 1]);
  const position = graph.input('position', 'int64', [1]);
  const bias = graph.input('cross_bias', 'float32', ['b', 1, 1, 't']);
  const embedding = embed(graph, layers, weights, tokens);
  let x = embedding.x;
  for (let i = 0; i < SHAPE.layers; i++) {
    const past = pastNames(i).map((name) => graph.input(name, 'float32', ['b', heads, 'p', headSize]));
    const cross = crossNames(i).map((name) => graph.input(name, 'float32', ['b', heads, 't', headSize]));
    x = decoderLayer(graph, layers, weights, i, x, position, {
      self: (q, k, v) => {
        const [out] = graph.multi('MultiHeadAttention', [q, k, v, '', '', '', ...past], 3, {
          domain: MICROSOFT,
          attributes: { num_heads: heads },
          names: ['', ...presentNames(i)],
        });
        for (const name of presentNames(i)) graph.output(name, 'float32', ['b', heads, 'p + 1', headSize]);
        return out!;
      },
      cross: (q) =>
        graph.op('MultiHeadAttention', [q, ...cross, '', '', bias], {
          domain: MICROSOFT,
          attributes: { num_heads: heads },
        }),
    });
  }
  const last = layers.norm(x, weights.vector('norm.weight'));
  const flat = graph.op('Reshape', [last, graph.constant('int64', [-1, SHAPE.width])]);
  const logits = layers.linear(flat, [embedding.transposed]);
  const best = graph.op('ArgMax', [logits], { attributes: { axis: 1, keepdims: 0 } });
  const chances = graph.op('Softmax', [logits], { attributes: { axis: 1 } });
  const chance = graph.op('ReduceMax', [chances, graph.constant('int64', [1])], { attributes: { keepdims: 0 } });
  graph.output(best, 'int64', ['b'], 'token');
  graph.output(chance, 'float32', ['b'], 'probability');
  graph.output(logits, 'float32', ['b', vocabulary], 'logits');
  return graph;
}

export const decoderWeights = (decoder: OnnxContents): MoonshineWeights =>
  new MoonshineWeights(decoder, { nodes: '/model/decoder/', weights: 'model.decoder.', weightSuffix: '_merged_0' });

/**
 * Token embeddings, and the same table as the last matrix [width, vocabulary]. The file multiplies that one in float32
 * (after turning and widening it anew at each step); in 8 bits it takes a quarter of the memory traffic, and the error
 * rate on 120 sentences stays within the noise (docs/decisions/0039-speech-graphs.md).
 */
export function embed(
  graph: Graph,
  layers: Layers,
  weights: MoonshineWeights,
  tokens: string,
): { x: string; transposed: QuantisedMatrix } {
  const table = weights.quantised('model.decoder.embed_tokens.weight_merged_0');
  const rows = graph.op('Gather', [layers.weight('int8', [table.rows, table.columns], table.values), tokens]);
  const x = graph.op('DequantizeLinear', [
    rows,
    layers.weight('float32', [], Float32Array.of(table.scale)),
    layers.weight('int8', [], Int8Array.of(table.zeroPoint)),
  ]);
  return { x, transposed: transposed(table) };
}

/** How a layer attends: to the tokens before (q, k, v turned by position), and to the sound. All [b, s, width]. */
export interface Attention {
  self(q: string, k: string, v: string): string;
  cross(q: string): string;
}

export function decoderLayer(
  graph: Graph,
  layers: Layers,
  weights: MoonshineWeights,
  i: number,
  input: string,
  position: string,
  attention: Attention,
): string {
  const at = `layers.${i}`;
  const normed = layers.norm(input, weights.vector(`${at}.input_layernorm.weight`));
  const projections = ['q', 'k', 'v'].map((name) => weights.matrix(`${at}/self_attn/${name}_proj`));
  const [q, k, v] = layers.parts(layers.linear(normed, projections), 3);
  const said = attention.self(layers.rotate(q!, position), layers.rotate(k!, position), v!);
  let x = layers.add(input, layers.linear(said, [weights.matrix(`${at}/self_attn/dense`)]));

  const asked = layers.norm(x, weights.vector(`${at}.post_attention_layernorm.weight`));
  const heard = attention.cross(layers.linear(asked, [weights.matrix(`${at}/encoder_attn/q_proj`)]));
  x = layers.add(x, layers.linear(heard, [weights.matrix(`${at}/encoder_attn/dense`)]));

  const inner = layers.norm(x, weights.vector(`${at}.final_layernorm.weight`));
  const wide = layers.linear(inner, [weights.matrix(`${at}/mlp/up_proj`)], weights.vector(`${at}.mlp.up_proj.bias`));
  const [value, gate] = layers.parts(wide, 2);
  const silu = graph.op('Mul', [gate!, graph.op('Sigmoid', [gate!])]);
  const gated = graph.op('Mul', [silu, value!]);
  return layers.add(
    x,
    layers.linear(gated, [weights.matrix(`${at}/mlp/down_proj`)], weights.vector(`${at}.mlp.down_proj.bias`)),
  );
}
