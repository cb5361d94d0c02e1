import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeModel } from '../onnx/model.js';
import { readSafetensors, type SafetensorsFile } from '../safetensors/file.js';
import { connectorGraph, type ConnectorWeights } from './connector-graph.js';

/** Goes into the file's name: raise it when the graph changes. */
const GRAPH_VERSION = 2;

/**
 * Makes the connector's ONNX model from an adapter file, once per content: the name holds the hash of its weights.
 * @param adapterFile safetensors with `connector.*` (packs/README.md)
 * @param folder where built graphs are kept, normally `<cacheDir>/graphs`
 * @returns the path of the model
 * @throws TesseraError `model_missing`, `model_invalid`
 */
export async function buildConnector(adapterFile: string, folder: string): Promise<string> {
  const adapter = await readSafetensors(adapterFile);
  try {
    const file = join(folder, `connector-${await hashConnector(adapter)}.onnx`);
    if (existsSync(file)) return file;
    await mkdir(folder, { recursive: true });
    await writeModel(file, connectorGraph(await readConnector(adapter)));
    return file;
  } finally {
    await adapter.close();
  }
}

async function hashConnector(adapter: SafetensorsFile): Promise<string> {
  const hash = createHash('sha256').update(`connector ${GRAPH_VERSION}\n`);
  const names = [...adapter.tensors.keys()].filter((name) => name.startsWith('connector.')).sort();
  for (const name of names) {
    const { type, shape } = adapter.info(name);
    hash.update(`${name} ${type} ${shape}\n`).update(await adapter.bytes(name));
  }
  return hash.digest('hex').slice(0, 16);
}

async function readConnector(adapter: SafetensorsFile): Promise<ConnectorWeights> {
  const [hidden = 0, features = 0] = adapter.info('connector.fc1.weight').shape;
  const [tokens = 0, embedding = 0] = adapter.info('connector.position').shape;
  const get = (name: string, ...shape: number[]) => adapter.floats(`connector.${name}`, shape);
  return {
    norm: { weight: await get('norm.weight', features), bias: await get('norm.bias', features) },
    fc1: { weight: await get('fc1.weight', hidden, features), bias: await get('fc1.bias', hidden) },
    fc2: { weight: await get('fc2.weight', embedding, hidden), bias: await get('fc2.bias', embedding) },
    scale: (await get('scale'))[0]!,
    position: await get('position', tokens, embedding),
    classes: await readClasses(adapter, embedding),
  };
}

/** What the connector is told by the encoder's own classifier, where the file has it. */
async function readClasses(adapter: SafetensorsFile, embedding: number): Promise<ConnectorWeights['classes']> {
  if (!adapter.tensors.has('connector.classes.words')) return undefined;
  const [classes = 0] = adapter.info('connector.classes.words').shape;
  const words = await adapter.floats('connector.classes.words', [classes, embedding]);
  return { words, gain: (await adapter.floats('connector.classes.gain'))[0]! };
}
