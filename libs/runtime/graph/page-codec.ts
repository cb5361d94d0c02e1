import type { Graph } from '../onnx/graph.js';
import type { Dimension } from '../onnx/types.js';

/** Tokens of a KV page (libs/decoder/pool). */
export const PAGE_TOKENS = 16;

const STEP = 1 / 127;

/**
 * Quantises keys or values for the page store: 127 steps to the largest magnitude of each group.
 * @param rows [B, kvHeads, T, D], called `dims`
 * @param perGroup tokens that share a scale: PAGE_TOKENS for keys, 1 for values
 * @param zeroPoint 128 gives u8, 0 gives i8
 * @returns codes [B, kvHeads, T/perGroup, perGroup·D] and scales [B, kvHeads, T/perGroup, 1]; a group with a number
 * that is NaN or infinite gets a scale that is NaN
 */
export function encodeRows(
  graph: Graph,
  rows: string,
  dims: readonly [Dimension, Dimension, Dimension, number],
  perGroup: number,
  zeroPoint: 0 | 128,
): { codes: string; scales: string } {
  const [batch, heads, , headDim] = dims;
  const groups =
    perGroup === 1
      ? rows
      : graph.op('Reshape', [rows, graph.constant('int64', [0, 0, -1, perGroup * headDim])], {
          dims: [batch, heads, 'pages', perGroup * headDim],
        });
  const last = graph.constant('int64', [-1]);
  const magnitudes = graph.op('Abs', [groups]);
  const reduce = (op: string): string => graph.op(op, [magnitudes, last], { attributes: { keepdims: 1 } });
  // Maxima may pass over NaN; a sum does not.
  const fault = graph.op('Mul', [reduce('ReduceSum'), graph.constant('float32', 0)]);
  const peak = graph.op('Add', [graph.op('Max', [reduce('ReduceMax'), graph.constant('float32', 1e-12)]), fault]);
  const codes = graph.op('QuantizeLinear', [
    graph.op('Div', [groups, peak]),
    graph.constant('float32', STEP),
    zeroPoint === 128 ? graph.constant('uint8', 128) : graph.constant('int8', 0),
  ]);
  return { codes, scales: graph.op('Mul', [peak, graph.constant('float32', STEP)]) };
}
