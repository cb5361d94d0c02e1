import { MICROSOFT, type Graph } from '../onnx/graph.js';
import { quantiseBlocks, quantiseColumns, transpose, type Blocks, type Columns } from './quantise.js';
import type { Matrix } from './weights.js';

/** The arithmetic of a decoder: `float32` is the reference, `int8` what runs. */
export type Precision = 'float32' | 'int8';

/**
 * How a graph multiplies (docs/decisions/0013-integer-products.md has the measurements). Every kernel treats rows
 * apart: the sequences of a batch never influence each other.
 *
 * - `float32`: the reference.
 * - `blocks`: onnxruntime's MatMulNBits, 8 bits, a scale per 32 weights and per 32 activations. Best for few rows.
 * - `columns`: u8 × s8 with a scale per row and per output channel, twice: for the activations and for what their
 *   rounding lost, so that activations have 16 bits. Best for many rows.
 */
export type Kernel = 'float32' | 'blocks' | 'columns' | 'rows';

/** Weights as they lie in the data file; made once and shared by all graphs of a model. */
export interface PackedMatrix {
  name: string;
  in: number;
  out: number;
  bias?: Float32Array;
  float32?: Float32Array;
  blocks?: Blocks;
  columns?: Columns;
}

export function packMatrix(name: string, matrix: Matrix, precision: Precision): PackedMatrix {
  const { in: columns, out, bias } = matrix;
  const base = { name, in: columns, out, bias };
  if (precision === 'float32') return { ...base, float32: transpose(matrix) };
  return { ...base, blocks: quantiseBlocks(matrix), columns: quantiseColumns(matrix) };
}

/** [rows, in] → [rows, out]. */
export function linear(graph: Graph, x: string, matrix: PackedMatrix, kernel: Kernel): string {
  const y = KERNELS[kernel](graph, x, matrix);
  if (!matrix.bias) return y;
  return graph.op('Add', [y, graph.weight(`${matrix.name}.bias`, 'float32', [matrix.out], matrix.bias)]);
}

const KERNELS: Record<Kernel, (graph: Graph, x: string, matrix: PackedMatrix) => string> = {
  float32(graph, x, { name, in: K, out: N, float32 }) {
    return graph.op('MatMul', [x, graph.weight(name, 'float32', [K, N], packed(name, float32))]);
  },

  blocks(graph, x, { name, in: K, out: N, blocks }) {
    const { weight, scales, size } = packed(name, blocks);
    const bytes = graph.weight(`${name}.blocks`, 'uint8', [N, K / size, size], weight);
    const scale = graph.weight(`${name}.block_scales`, 'float32', [N * (K / size)], scales);
    const attributes = { K, N, bits: 8, block_size: size, accuracy_level: 4 };
    return graph.op('MatMulNBits', [x, bytes, scale], { domain: MICROSOFT, attributes });
  },

  columns(graph, x, matrix) {
    const { unit, rowScale } = unitRows(graph, x);
    const coarse = quantise(graph, unit, STEP);
    const step = graph.constant('float32', STEP);
    const rest = graph.op('Sub', [unit, graph.op('DequantizeLinear', [coarse, step, graph.constant('uint8', 128)])]);
    const fine = quantise(graph, rest, STEP * REST);
    const sum = graph.op('Add', [product(graph, coarse, STEP, matrix), product(graph, fine, STEP * REST, matrix)]);
    return graph.op('Mul', [sum, rowScale]);
  },

  rows(graph, x, matrix) {
    const { unit, rowScale } = unitRows(graph, x);
    return graph.op('Mul', [product(graph, quantise(graph, unit, STEP), STEP, matrix), rowScale]);
  },
};

const STEP = 1 / 127;
/** The rest after rounding is at most half a step: its own steps are 1/254 of one. */
const REST = 1 / 254;

/** Each row divided by its largest magnitude. */
function unitRows(graph: Graph, x: string): { unit: string; rowScale: string } {
  const peak = graph.op('ReduceMax', [graph.op('Abs', [x]), graph.constant('int64', [-1])], {
    attributes: { keepdims: 1 },
  });
  const rowScale = graph.op('Max', [peak, graph.constant('float32', 1e-12)]);
  return { unit: graph.op('Div', [x, rowScale]), rowScale };
}

function quantise(graph: Graph, x: string, step: number): string {
  return graph.op('QuantizeLinear', [x, graph.constant('float32', step), graph.constant('uint8', 128)]);
}

function product(graph: Graph, bytes: string, step: number, { name, in: K, out: N, columns }: PackedMatrix): string {
  const { weight, scales } = packed(name, columns);
  const inputs = [
    bytes,
    graph.weight(name, 'int8', [K, N], weight),
    graph.constant('float32', step),
    graph.weight(`${name}.scales`, 'float32', [N], scales),
    graph.constant('uint8', 128),
  ];
  return graph.op('MatMulIntegerToFloat', inputs, { domain: MICROSOFT });
}

function packed<T>(name: string, form: T | undefined): T {
  if (form === undefined) throw new Error(`${name} was not packed for this kernel`);
  return form;
}
