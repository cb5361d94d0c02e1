import { TesseraError } from '#contracts';
import { ELEMENTS, type ElementType, type Initializer } from './types.js';

/** A node of a model file, from any depth of its sub-graphs. */
export interface OnnxNode {
  op: string;
  inputs: string[];
  outputs: string[];
}

/** What a model file holds, without its structure: enough to build another graph over the same weights. */
export interface OnnxContents {
  /** All nodes, those of sub-graphs (If, Loop) included, in the order of the file. */
  nodes: OnnxNode[];
  /** Initializers and the values of Constant nodes, by name. Their bytes are views into the file's. */
  weights: ReadonlyMap<string, Initializer>;
}

/** Field numbers of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). */
const MODEL = { graph: 7 };
const GRAPH = { node: 1, initializer: 5 };
const NODE = { input: 1, output: 2, op: 4, attribute: 5 };
const ATTRIBUTE = { name: 1, tensor: 5, graph: 6 };
const TENSOR = { dims: 1, type: 2, floats: 4, ints32: 5, ints64: 7, name: 8, raw: 9 };

const TYPES = new Map(Object.entries(ELEMENTS).map(([type, { code }]) => [code, type as ElementType]));

/** @throws TesseraError model_invalid when the bytes are not an ONNX model */
export function readOnnx(bytes: Uint8Array): OnnxContents {
  const nodes: OnnxNode[] = [];
  const weights = new Map<string, Initializer>();
  try {
    // A Buffer's slice is a view; whoever copies a weight with slice() is to get a copy.
    const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (const field of fields(plain)) if (field.number === MODEL.graph) readGraph(field.bytes, nodes, weights);
  } catch (error) {
    throw new TesseraError('model_invalid', 'The model file is not a readable ONNX model.', { cause: error });
  }
  if (nodes.length === 0) throw new TesseraError('model_invalid', 'The model file holds no graph.');
  return { nodes, weights };
}

function readGraph(bytes: Uint8Array, nodes: OnnxNode[], weights: Map<string, Initializer>): void {
  for (const field of fields(bytes)) {
    if (field.number === GRAPH.node) readNode(field.bytes, nodes, weights);
    if (field.number === GRAPH.initializer) {
      const weight = readTensor(field.bytes);
      if (weight) weights.set(weight.name, weight);
    }
  }
}

function readNode(bytes: Uint8Array, nodes: OnnxNode[], weights: Map<string, Initializer>): void {
  const node: OnnxNode = { op: '', inputs: [], outputs: [] };
  nodes.push(node);
  for (const field of fields(bytes)) {
    if (field.number === NODE.input) node.inputs.push(text(field.bytes));
    if (field.number === NODE.output) node.outputs.push(text(field.bytes));
    if (field.number === NODE.op) node.op = text(field.bytes);
    if (field.number !== NODE.attribute) continue;
    for (const part of fields(field.bytes)) {
      if (part.number === ATTRIBUTE.graph) readGraph(part.bytes, nodes, weights);
      const value = part.number === ATTRIBUTE.tensor ? readTensor(part.bytes) : undefined;
      const name = node.outputs[0];
      if (value && name !== undefined) weights.set(name, { ...value, name });
    }
  }
}

/** Undefined for an element type that is not among ours (strings, doubles). */
function readTensor(bytes: Uint8Array): Initializer | undefined {
  const dims: number[] = [];
  const values: number[] = [];
  let name = '';
  let type: ElementType | undefined;
  let data: Uint8Array | undefined;
  for (const field of fields(bytes)) {
    if (field.number === TENSOR.dims) dims.push(...integers(field));
    if (field.number === TENSOR.type) type = TYPES.get(field.value as never);
    if (field.number === TENSOR.name) name = text(field.bytes);
    if (field.number === TENSOR.raw) data = field.bytes;
    if (field.number === TENSOR.floats) data = field.bytes;
    if (field.number === TENSOR.ints32 || field.number === TENSOR.ints64) values.push(...integers(field));
  }
  if (type === undefined) return undefined;
  return { name, type, dims, data: data ?? pack(type, values) };
}

function pack(type: ElementType, values: number[]): Uint8Array {
  if (type === 'int64') return new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
  if (type === 'int32') return new Uint8Array(Int32Array.from(values).buffer);
  if (type === 'float16') return new Uint8Array(Uint16Array.from(values).buffer);
  return Uint8Array.from(values, (value) => value & 0xff);
}

interface Field {
  number: number;
  wire: number;
  /** Of a varint (wire type 0), as far as a double holds it. */
  value: number;
  /** Of a length-delimited field, or of fixed 32 and 64 bits. */
  bytes: Uint8Array;
}

const NOTHING = new Uint8Array(0);

function* fields(bytes: Uint8Array): Generator<Field> {
  for (let at = 0; at < bytes.length;) {
    let tag: number;
    [tag, at] = varint(bytes, at);
    const field: Field = { number: tag >>> 3, wire: tag & 7, value: 0, bytes: NOTHING };
    if (field.wire === 0) [field.value, at] = varint(bytes, at);
    else {
      let length = field.wire === 1 ? 8 : 4;
      if (field.wire === 2) [length, at] = varint(bytes, at);
      if (field.wire > 5 || at + length > bytes.length) throw new RangeError(`field ${field.number} ends outside`);
      field.bytes = bytes.subarray(at, at + length);
      at += length;
    }
    yield field;
  }
}

function varint(bytes: Uint8Array, at: number): [value: number, next: number] {
  let small = 0;
  for (let shift = 0; shift < 28 && at + shift / 7 < bytes.length; shift += 7) {
    const byte = bytes[at + shift / 7]!;
    small |= (byte & 0x7f) << shift;
    if (byte < 0x80) return [small, at + shift / 7 + 1];
  }
  let value = 0n;
  for (let shift = 0n; at < bytes.length; shift += 7n) {
    const byte = bytes[at++]!;
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return [Number(BigInt.asIntN(64, value)), at];
  }
  throw new RangeError('a number ends outside');
}

/** Repeated integers come one by one or packed. */
function integers(field: Field): number[] {
  if (field.wire === 0) return [field.value];
  const values: number[] = [];
  for (let at = 0; at < field.bytes.length;) {
    const [value, next] = varint(field.bytes, at);
    values.push(value);
    at = next;
  }
  return values;
}

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
