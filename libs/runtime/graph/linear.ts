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
 * - `blocks`: onnxruntime's MatMulNBits, 8 bits, a scale per 64 weights and per 64 activations. Best for few rows.
 * - `columns`: u8 × s8 with a scale per row and per output channel; best for many rows. Where activations are hard to
 *   round, twice: for the activations and for what their rounding lost, so that they have 16 bits.
 */
export type Kernel = 'float32' | QuantisedKernel;
export type QuantisedKernel = 'blocks' | 'columns';

/** Bits of the activations that enter a matrix in the kernel `columns`. */
export type ActivationBits = 8 | 16;

/** Weights as they lie in the data file; made once and shared by all graphs of a model. */
export interface PackedMatrix {
  name: string;
  in: number;
  /** Output channels of each part: matrices with the same input are stacked. */
  parts: readonly number[];
  bias?: Float32Array;
  activationBits: ActivationBits;
  float32?: Float32Array;
  blocks?: Blocks;
  /** One for each part: their products need not be split then. */
  columns?: Columns[];
}

/** @param parts output channels of each part, all of them together by default */
export function packMatrix(
  name: string,
  matrix: Matrix,
  precision: Precision,
  { parts = [matrix.out], activationBits = 16 }: { parts?: readonly number[]; activationBits?: ActivationBits } = {},
): PackedMatrix {
  const base = { name, in: matrix.in, parts, bias: matrix.bias, activationBits };
  if (precision === 'float32') return { ...base, float32: transpose(matrix) };
  let row = 0;
  const columns = parts.map((out) => {
    const data = matrix.data.subarray(row * matrix.in, (row + out) * matrix.in);
    row += out;
    return quantiseColumns({ data, in: matrix.in, out });
  });
  return { ...base, blocks: quantiseBlocks(matrix), columns };
}

/** [rows, in] → [rows, out] of each part. */
export function linear(graph: Graph, x: string, matrix: PackedMatrix, kernel: Kernel): string[] {
  const { name, parts, bias } = matrix;
  if (kernel === 'columns') {
    const products = columns(graph, x, matrix);
    return products.map((y, i) => {
      const first = sum(parts.slice(0, i));
      return addBias(graph, y, `${name}.bias.${i}`, bias?.subarray(first, first + parts[i]!));
    });
  }
  const y = product(graph, x, matrix, kernel);
  if (parts.length === 1) return [y];
  return graph.multi('Split', [y, graph.constant('int64', parts)], parts.length, { attributes: { axis: -1 } });
}

/** [rows, in] → [rows, out] of all parts together. */
export function product(graph: Graph, x: string, matrix: PackedMatrix, kernel: 'float32' | 'blocks'): string {
  return addBias(graph, KERNELS[kernel](graph, x, matrix), `${matrix.name}.bias`, matrix.bias);
}

function addBias(graph: Graph, y: string, name: string, bias: Float32Array | undefined): string {
  return bias ? graph.op('Add', [y, graph.weight(name, 'float32', [bias.length], bias)]) : y;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

const KERNELS: Record<'float32' | 'blocks', (graph: Graph, x: string, matrix: PackedMatrix) => string> = {
  float32(graph, x, { name, in: K, parts, float32 }) {
    return graph.op('MatMul', [x, graph.weight(name, 'float32', [K, sum(parts)], packed(name, float32))]);
  },

  blocks(graph, x, { name, in: K, parts, blocks }) {
    const { weight, scales, size } = packed(name, blocks);
    const N = sum(parts);
    const bytes = graph.weight(`${name}.blocks`, 'uint8', [N, K / size, size], weight);
    const scale = graph.weight(`${name}.block_scales`, 'float32', [N * (K / size)], scales);
    const attributes = { K, N, bits: 8, block_size: size, accuracy_level: 4 };
    return graph.op('MatMulNBits', [x, bytes, scale], { domain: MICROSOFT, attributes });
  },
};

function columns(graph: Graph, x: string, matrix: PackedMatrix): string[] {
  const { unit, rowScale } = unitRows(graph, x);
  const coarse = quantise(graph, unit, STEP);
  if (matrix.activationBits === 8)
    return matrix.parts.map((_, i) => graph.op('Mul', [columnProduct(graph, coarse, STEP, matrix, i), rowScale]));
  const step = graph.constant('float32', STEP);
  const rest = graph.op('Sub', [unit, graph.op('DequantizeLinear', [coarse, step, graph.constant('uint8', 128)])]);
  const fine = quantise(graph, rest, STEP * REST);
  return matrix.parts.map((_, i) => {
    const main = columnProduct(graph, coarse, STEP, matrix, i);
    const correction = columnProduct(graph, fine, STEP * REST, matrix, i);
    return graph.op('Mul', [graph.op('Add', [main, correction]), rowScale]);
  });
}

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

function columnProduct(graph: Graph, bytes: string, step: number, matrix: PackedMatrix, part: number): string {
  const { in: K, parts, columns: forms } = matrix;
  const name = parts.length > 1 ? `${matrix.name}.${part}` : matrix.name;
  const { weight, scales } = packed(name, forms)[part]!;
  const N = parts[part]!;
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
