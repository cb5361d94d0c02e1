import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildOnce, choosePrecision, hashFile, readCpu, readOnnx, writeModel } from '#runtime';
import { alignerGraph } from './align-graph.js';
import { decoderStepGraph } from './decoder-graph.js';
import { encoderGraph } from './encoder-graph.js';

/** Goes into the folder's name: raise it when a graph changes. */
const GRAPHS_VERSION = 2;

export interface MoonshineGraphs {
  encoder: string;
  decoder: string;
  aligner: string;
}

/**
 * The three ONNX graphs that are made of Moonshine's two files, in a folder of `root`; built once per content. Reading them there
 * costs a fraction of building them, and all threads map the same weights.
 */
export async function buildGraphs(files: { encoder: string; decoder: string }, root: string): Promise<MoonshineGraphs> {
  const bytes = choosePrecision(await readCpu()).exactBytes ? 'int8' : 'uint8';
  const hashes = [await hashFile(files.encoder), await hashFile(files.decoder)];
  const id = createHash('sha256')
    .update(`moonshine ${GRAPHS_VERSION} ${bytes} ${hashes.join(' ')}`)
    .digest('hex');
  const folder = await buildOnce(root, `moonshine-${id.slice(0, 16)}`, async (partial) => {
    const encoderFile = readOnnx(await readFile(files.encoder));
    const decoderFile = readOnnx(await readFile(files.decoder));
    await writeModel(join(partial, 'encoder.onnx'), encoderGraph(encoderFile, decoderFile, bytes));
    await writeModel(join(partial, 'decoder.onnx'), decoderStepGraph(decoderFile, bytes));
    await writeModel(join(partial, 'aligner.onnx'), alignerGraph(decoderFile, bytes));
  });
  const [front, step, aligner] = ['encoder', 'decoder', 'aligner'].map((name) => join(folder, `${name}.onnx`));
  return { encoder: front!, decoder: step!, aligner: aligner! };
}
