import { MICROSOFT, type Graph } from '../onnx/graph.js';
import type { Matrix } from './weights.js';

/** How matrices are multiplied. `float32` is the reference; `int8` has a scale per row and per output channel. */
export type Precision = 'float32' | 'int8';

/** Weights as they lie in the data file; made once and shared by all graphs of a model. */
export type PackedMatrix =
  | { precision: 'float32'; name: string; in: number; out: number; weight: Float32Array; bias?: Float32Array }
  | {
      precision: 'int8';
      name: string;
      in: number;
      out: number;
      weight: Int8Array;
      scales: Float32Array;
      bias?: Float32Array;
    };

export function packMatrix(name: string, matrix: Matrix, precision: Precision): PackedMatrix {
  const { in: columns, out, bias } = matrix;
  const base = { name, in: columns, out, bias };
  if (precision === 'float32') return { ...base, precision, weight: transpose(matrix) };
  return { ...base, precision, ...quantiseColumns(matrix) };
}

function transpose({ data, in: columns, out }: Matrix): Float32Array {
  const result = new Float32Array(data.length);
  for (let o = 0; o < out; o++) for (let i = 0; i < columns; i++) result[i * out + o] = data[o * columns + i]!;
  return result;
}

/** [out, in] floats → [in, out] int8 with one symmetric scale per output channel. */
export function quantiseColumns({ data, in: columns, out }: Matrix): { weight: Int8Array; scales: Float32Array } {
  const weight = new Int8Array(data.length);
  const scales = new Float32Array(out);
  const TILE = 16; // Output channels that are transposed together, so that writes stay within cache lines.
  const inverse = new Float32Array(TILE);
  for (let first = 0; first < out; first += TILE) {
    const count = Math.min(TILE, out - first);
    for (let k = 0; k < count; k++) {
      let peak = 0;
      for (let i = 0, at = (first + k) * columns; i < columns; i++, at++) {
        const value = Math.abs(data[at]!);
        if (value > peak) peak = value;
      }
      scales[first + k] = peak / 127;
      inverse[k] = peak > 0 ? 127 / peak : 0;
    }
    for (let i = 0; i < columns; i++)
      for (let k = 0; k < count; k++)
        weight[i * out + first + k] = Math.round(data[(first + k) * columns + i]! * inverse[k]!);
  }
  return { weight, scales };
}

/** Activations ready to be multiplied: floats, or bytes around 128 with a scale per row. */
export type Activations = { float: string } | { bytes: string; rowScale: string };

const STEP = 1 / 127;

/**
 * Quantises each row of `x` [rows, in] by its own largest magnitude: rows never influence each other, so neither do
 * the sequences of a batch. Costs nothing when the matrices are float.
 */
export function activations(graph: Graph, x: string, precision: Precision): Activations {
  if (precision === 'float32') return { float: x };
  const peak = graph.op('ReduceMax', [graph.op('Abs', [x]), graph.constant('int64', [-1])], {
    attributes: { keepdims: 1 },
  });
  const rowScale = graph.op('Max', [peak, graph.constant('float32', 1e-12)]);
  const bytes = graph.op('QuantizeLinear', [
    graph.op('Div', [x, rowScale]),
    graph.constant('float32', STEP),
    graph.constant('uint8', 128),
  ]);
  return { bytes, rowScale };
}

/** [rows, in] → [rows, out]. */
export function linear(graph: Graph, x: Activations, matrix: PackedMatrix): string {
  let y: string;
  if ('float' in x) {
    if (matrix.precision !== 'float32') throw new Error(`${matrix.name} needs quantised activations`);
    y = graph.op('MatMul', [x.float, graph.weight(matrix.name, 'float32', [matrix.in, matrix.out], matrix.weight)]);
  } else {
    if (matrix.precision !== 'int8') throw new Error(`${matrix.name} needs float activations`);
    const weight = graph.weight(matrix.name, 'int8', [matrix.in, matrix.out], matrix.weight);
    const scales = graph.weight(`${matrix.name}.scales`, 'float32', [matrix.out], matrix.scales);
    const product = graph.op(
      'MatMulIntegerToFloat',
      [x.bytes, weight, graph.constant('float32', STEP), scales, graph.constant('uint8', 128)],
      { domain: MICROSOFT },
    );
    y = graph.op('Mul', [product, x.rowScale]);
  }
  if (!matrix.bias) return y;
  return graph.op('Add', [y, graph.weight(`${matrix.name}.bias`, 'float32', [matrix.out], matrix.bias)]);
}
