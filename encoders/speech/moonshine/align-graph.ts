import { Graph, MICROSOFT, type OnnxContents } from '#runtime';
import { decoderLayer, decoderWeights, embed, MAX_TOKENS } from './decoder-graph.js';
import { crossNames } from './encoder-graph.js';
import { Layers, type MatrixBytes } from './layers.js';
import { SHAPE } from './weights.js';

export const attentionName = (layer: number): string => `attention.${layer}`;

/**
 * The decoder over a whole text at once, for where each token was heard. Loaded only when times of words are asked for.
 *
 * `tokens` int64 [1, s], `cross_key.i` and `cross_value.i` float32 [1, heads, t, headSize]
 * → `attention.i` float32 [heads, s, t]: how much each head of a layer looks at each step of the sound.
 */
export function alignerGraph(decoder: OnnxContents, bytes: MatrixBytes): Graph {
  const graph = new Graph('moonshine-aligner');
  const layers = new Layers(graph, MAX_TOKENS, bytes);
  const weights = decoderWeights(decoder);
  const { heads, headSize, width } = SHAPE;
  const tokens = graph.input('tokens', 'int64', [1, 's']);
  const origin = graph.constant('int64', [0]);
  const scale = graph.constant('float32', [1 / Math.sqrt(headSize)]);

  let { x } = embed(graph, layers, weights, tokens);
  for (let i = 0; i < SHAPE.layers; i++) {
    const [key, value] = crossNames(i).map((name) => graph.input(name, 'float32', [1, heads, 't', headSize]));
    x = decoderLayer(graph, layers, weights, i, x, origin, {
      self: (q, k, v) =>
        graph.op('MultiHeadAttention', [q, k, v], {
          domain: MICROSOFT,
          attributes: { num_heads: heads, unidirectional: 1 },
        }),
      cross: (q) => {
        const scaled = graph.op('Mul', [layers.heads(q), scale]);
        const turned = graph.op('Transpose', [key!], { attributes: { perm: [0, 1, 3, 2] } });
        const attention = graph.op('Softmax', [graph.op('MatMul', [scaled, turned])], { attributes: { axis: -1 } });
        const seen = graph.op('Squeeze', [attention, graph.constant('int64', [0])]);
        graph.output(seen, 'float32', [heads, 's', 't'], attentionName(i));
        const mixed = graph.op('Transpose', [graph.op('MatMul', [attention, value!])], {
          attributes: { perm: [0, 2, 1, 3] },
        });
        return graph.op('Reshape', [mixed, graph.constant('int64', [0, 0, width])]);
      },
    });
  }
  return graph;
}
