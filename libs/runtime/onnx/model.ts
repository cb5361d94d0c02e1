import { createHash, randomUUID } from 'node:crypto';
import { open, rename, rm, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { ProtobufWriter } from './protobuf.js';
import type { AttributeValue, Dimension, GraphLike, Initializer, Node, ValueInfo } from './types.js';
import { ELEMENTS } from './types.js';

/** ONNX opset 21 and IR version 10 are read by onnxruntime 1.20 and later. */
const OPSET = 21;
const IR_VERSION = 10;
/** Weights from this size on go to the data file, aligned so that they can be mapped. */
const EXTERNAL_FROM = 1024;
const ALIGNMENT = 4096;

/** Encodes a graph whose weights all lie inside the file (small models only: protobuf ends at 2 GiB). */
export function encodeModel(graph: GraphLike): Uint8Array {
  return model(graph, (weight) => tensor(weight).bytes(9, weight.data)).finish();
}

/**
 * Writes `file` and, beside it, `file + '.data'` with the weights. Both appear complete or not at all: they are
 * written under other names and renamed, the model last.
 */
export function writeModel(file: string, graph: GraphLike): Promise<void> {
  return writeModels({ [file]: graph }, `${file}.data`);
}

/**
 * Writes several models over one data file, which must lie in their folder: weights of the same name and memory are
 * written once. All appear complete or not at all.
 */
export async function writeModels(graphs: Record<string, GraphLike>, dataFile: string): Promise<void> {
  const suffix = `.${process.pid}-${randomUUID()}.tmp`;
  const names = [dataFile, ...Object.keys(graphs)];
  try {
    const offsets = await writeData(dataFile + suffix, Object.values(graphs));
    for (const [file, graph] of Object.entries(graphs))
      await writeFile(file + suffix, encodeExternal(graph, basename(dataFile), offsets));
    for (const name of names) await rename(name + suffix, name);
  } finally {
    for (const name of names) await rm(name + suffix, { force: true });
  }
}

type Offsets = Map<string, { weight: Initializer; offset: number }>;

/** Where each large weight lies in the data file, by name. */
async function writeData(file: string, graphs: readonly GraphLike[]): Promise<Offsets> {
  const offsets: Offsets = new Map();
  const data = await open(file, 'w');
  try {
    let at = 0;
    for (const weight of graphs.flatMap(({ initializers }) => initializers)) {
      if (weight.data.byteLength < EXTERNAL_FROM) continue;
      const known = offsets.get(weight.name)?.weight;
      if (known) {
        if (known.data.buffer !== weight.data.buffer || known.data.byteOffset !== weight.data.byteOffset)
          throw new Error(`two weights are called ${weight.name}`);
        continue;
      }
      at = Math.ceil(at / ALIGNMENT) * ALIGNMENT;
      offsets.set(weight.name, { weight, offset: at });
      await writeFully(data, weight.data, at);
      at += weight.data.byteLength;
    }
  } finally {
    await data.close();
  }
  return offsets;
}

function encodeExternal(graph: GraphLike, location: string, offsets: Offsets): Uint8Array {
  return model(graph, (weight) => {
    const message = tensor(weight);
    const known = weight.data.byteLength < EXTERNAL_FROM ? undefined : offsets.get(weight.name);
    if (known === undefined) return message.bytes(9, weight.data);
    const entries = { location, offset: String(known.offset), length: String(weight.data.byteLength) };
    for (const [key, value] of Object.entries(entries))
      message.message(13, new ProtobufWriter().string(1, key).string(2, value));
    return message.varint(14, 1);
  }).finish();
}

/** sha-256 of a graph's structure and weights, for goldens and cache keys. */
export function hashModel(graph: GraphLike): string {
  const hash = createHash('sha256').update(model(graph, tensor).finish());
  for (const weight of graph.initializers) hash.update(weight.data);
  return hash.digest('hex');
}

async function writeFully(
  handle: Awaited<ReturnType<typeof open>>,
  bytes: Uint8Array,
  position: number,
): Promise<void> {
  for (let done = 0; done < bytes.byteLength;) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.byteLength - done, position + done);
    done += bytesWritten;
  }
}

type EncodeWeight = (weight: Initializer) => ProtobufWriter;

function model(graph: GraphLike, weight: EncodeWeight): ProtobufWriter {
  const domains = new Set(graph.nodes.map((node) => node.domain));
  domains.add('');
  const message = new ProtobufWriter()
    .varint(1, IR_VERSION)
    .string(2, 'tessera')
    .message(7, encodeGraph(graph, weight));
  for (const domain of domains)
    message.message(8, new ProtobufWriter().string(1, domain).varint(2, domain === '' ? OPSET : 1));
  return message;
}

function encodeGraph(graph: GraphLike, weight: EncodeWeight): ProtobufWriter {
  const message = new ProtobufWriter();
  for (const node of graph.nodes) message.message(1, encodeNode(node));
  message.string(2, graph.name);
  for (const initializer of graph.initializers) message.message(5, weight(initializer));
  for (const input of graph.inputs) message.message(11, valueInfo(input));
  for (const output of graph.outputs) message.message(12, valueInfo(output));
  for (const value of graph.values ?? []) message.message(13, valueInfo(value));
  return message;
}

function encodeNode(node: Node): ProtobufWriter {
  const message = new ProtobufWriter();
  for (const input of node.inputs) message.string(1, input);
  for (const output of node.outputs) message.string(2, output);
  message.string(4, node.op);
  for (const [name, value] of Object.entries(node.attributes)) message.message(5, attribute(name, value));
  if (node.domain) message.string(7, node.domain);
  return message;
}

/** Whole numbers become ints: a float attribute with a whole value is written `{ float: 1 }`. */
function attribute(name: string, value: AttributeValue): ProtobufWriter {
  const message = new ProtobufWriter().string(1, name);
  if (typeof value === 'number')
    return Number.isInteger(value) ? message.varint(3, value).varint(20, 2) : message.float(2, value).varint(20, 1);
  if (typeof value === 'string') return message.string(4, value).varint(20, 3);
  if (isNumbers(value))
    return value.every(Number.isInteger)
      ? message.packedVarints(8, value).varint(20, 7)
      : message.packedFloats(7, value).varint(20, 6);
  if (isStrings(value)) {
    for (const item of value) message.string(9, item);
    return message.varint(20, 8);
  }
  if ('float' in value) return message.float(2, value.float).varint(20, 1);
  return message
    .message(
      6,
      encodeGraph(value as GraphLike, (weight) => tensor(weight).bytes(9, weight.data)),
    )
    .varint(20, 5);
}

function isNumbers(value: AttributeValue): value is readonly number[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'number');
}

function isStrings(value: AttributeValue): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function tensor(weight: Initializer): ProtobufWriter {
  const message = new ProtobufWriter();
  if (weight.dims.length > 0) message.packedVarints(1, weight.dims);
  return message.varint(2, ELEMENTS[weight.type].code).string(8, weight.name);
}

function valueInfo({ name, type, dims }: ValueInfo): ProtobufWriter {
  const shape = new ProtobufWriter();
  for (const dim of dims) shape.message(1, dimension(dim));
  const tensorType = new ProtobufWriter().varint(1, ELEMENTS[type].code).message(2, shape);
  return new ProtobufWriter().string(1, name).message(2, new ProtobufWriter().message(1, tensorType));
}

function dimension(dim: Dimension): ProtobufWriter {
  return typeof dim === 'number' ? new ProtobufWriter().varint(1, dim) : new ProtobufWriter().string(2, dim);
}
