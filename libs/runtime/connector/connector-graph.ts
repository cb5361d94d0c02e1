import { Graph } from '../onnx/graph.js';

/** Weights of the connector; the shapes of tessera-nano stand in brackets. */
export interface ConnectorWeights {
  /** LayerNorm over the shuffled features [5120]. */
  norm: { weight: Float32Array; bias: Float32Array };
  /** [hidden, features] = [1152, 5120], as PyTorch keeps a Linear. */
  fc1: { weight: Float32Array; bias: Float32Array };
  /** [embedding, hidden] = [576, 1152] */
  fc2: { weight: Float32Array; bias: Float32Array };
  scale: number;
  /** One row per visual token [16, 576]. */
  position: Float32Array;
  /** Where the connector listens to the encoder's own classifier: a word for each class, as a unit vector [classes, embedding]. */
  classes?: { words: Float32Array; gain: number };
}

const EPSILON = 1e-5;
/** Two by two neighbours of the feature map become one visual token. */
const SHUFFLE = 2;

/**
 * `feature_map` [n, channels, side, side] → `visual_tokens` [n, (side / 2)², embedding], float32:
 * pixel shuffle, LayerNorm, Linear, exact GELU, Linear, LayerNorm without weights, scale, position.
 * A token's features are ordered (row within, column within, channel). Another input then, `classes` [n, classes], says how probable each is:
 * their words, so weighed, are added to every normed token, which is normed again.
 */
export function connectorGraph(weights: ConnectorWeights): Graph {
  const features = weights.norm.weight.length;
  const hidden = weights.fc1.bias.length;
  const embedding = weights.fc2.bias.length;
  const tokens = weights.position.length / embedding;
  const channels = features / SHUFFLE ** 2;
  const across = Math.sqrt(tokens);
  const side = across * SHUFFLE;

  const graph = new Graph('connector');
  const shape = (dims: number[]) => graph.constant('int64', dims);
  const linear = (x: string, name: string, { weight, bias }: ConnectorWeights['fc1'], from: number, to: number) => {
    const matrix = graph.weight(`${name}.weight`, 'float32', [from, to], transpose(weight, to, from));
    return graph.op('Add', [graph.op('MatMul', [x, matrix]), graph.weight(`${name}.bias`, 'float32', [to], bias)]);
  };
  const layerNorm = (x: string, scale: string, bias: string) =>
    graph.op('LayerNormalization', [x, scale, bias], { attributes: { axis: -1, epsilon: EPSILON } });

  const map = graph.input('feature_map', 'float32', ['n', channels, side, side]);
  // [n, C, row, row within, column, column within] → [n, row, column, row within, column within, C]
  const cut = graph.op('Reshape', [map, shape([0, channels, across, SHUFFLE, across, SHUFFLE])]);
  const shuffled = graph.op('Transpose', [cut], { attributes: { perm: [0, 2, 4, 3, 5, 1] } });
  const tiles = graph.op('Reshape', [shuffled, shape([0, tokens, features])]);

  const normed = layerNorm(
    tiles,
    graph.weight('norm.weight', 'float32', [features], weights.norm.weight),
    graph.weight('norm.bias', 'float32', [features], weights.norm.bias),
  );
  const activated = graph.op('Gelu', [linear(normed, 'fc1', weights.fc1, features, hidden)]);
  const projected = linear(activated, 'fc2', weights.fc2, hidden, embedding);

  const filled = (name: string, value: number) =>
    graph.weight(name, 'float32', [embedding], new Float32Array(embedding).fill(value));
  const zero = filled('zero', 0);
  const told = (tokens: string, { words, gain }: NonNullable<ConnectorWeights['classes']>) => {
    const classes = words.length / embedding;
    const seen = graph.input('classes', 'float32', ['n', classes]);
    const loud = words.map((x) => x * gain * Math.sqrt(embedding));
    const word = graph.op('MatMul', [seen, graph.weight('words', 'float32', [classes, embedding], loud)]);
    const normed = layerNorm(tokens, filled('one', 1), zero);
    return graph.op('Add', [normed, graph.op('Reshape', [word, shape([-1, 1, embedding])])]);
  };
  const heard = weights.classes ? told(projected, weights.classes) : projected;

  // The last LayerNorm has no weights of its own, so that the scale can be its weight; then every token's own position.
  const scaled = layerNorm(heard, filled('scale', weights.scale), zero);
  const position = graph.weight('position', 'float32', [tokens, embedding], weights.position);
  const placed = graph.op('Add', [scaled, position], { names: ['visual_tokens'] });
  graph.output(placed, 'float32', ['n', tokens, embedding]);
  return graph;
}

/** [rows, columns] → [columns, rows] */
function transpose(matrix: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(matrix.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) out[column * rows + row] = matrix[row * columns + column]!;
  return out;
}
