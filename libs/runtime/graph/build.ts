import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { openGguf } from '../gguf/file.js';
import { buildOnce } from '../onnx/build-once.js';
import { writeModels } from '../onnx/model.js';
import { readAdapter } from './adapter.js';
import { readDecoderConfig } from './architecture.js';
import { readCalibration } from './balance.js';
import type { Precision, QuantisedKernel } from './linear.js';
import { packDecoder } from './pack.js';
import { prefillGraph } from './prefill.js';
import { selectGraph, type SelectOptions } from './select.js';
import { stepGraph } from './step.js';

/** Raise it when the graphs change: cached ones are then built anew. */
const BUILDER_VERSION = 38;

export interface DecoderGraphOptions {
  /** The base model. */
  gguf: string;
  /** Low-rank adapter to merge, if any. */
  adapter?: string;
  /** How large activations are, channel by channel; used in int8. */
  calibration?: string;
  /** Identifies the contents of these files. */
  packId: string;
  cacheDir: string;
  precision: Precision;
  /** The kernel for many rows at once, by what the processor can do. */
  manyRows: QuantisedKernel;
  /** Layers whose attention mass is reported. */
  evidenceLayers: readonly number[];
  selection: SelectOptions;
}

export interface DecoderGraphs {
  prefill: string;
  step: string;
  /** Not there in float32: selection scores int8 keys. */
  select?: string;
}

/** Identifies a decoder's graphs and weights: it changes with the pack, the builder and the options. They need not be there. */
export function decoderGraphsId(options: DecoderGraphOptions): string {
  const { packId, precision, manyRows, evidenceLayers, selection } = options;
  const key = JSON.stringify([
    BUILDER_VERSION,
    packId,
    options.adapter !== undefined,
    options.calibration !== undefined,
    precision,
    manyRows,
    evidenceLayers,
    selection,
  ]);
  return createHash('sha256').update(key).digest('hex').slice(0, 32);
}

/**
 * The ONNX graphs of a decoder in `cacheDir/graphs/ID/`, built when there are none of this id.
 * Safe to call from several processes at once: a folder appears complete or not at all.
 */
export async function buildDecoderGraphs(options: DecoderGraphOptions): Promise<DecoderGraphs> {
  const id = decoderGraphsId(options);
  const folder = await buildOnce(join(options.cacheDir, 'graphs'), id, (partial) => write(options, partial));
  const graphs: DecoderGraphs = { prefill: join(folder, 'prefill.onnx'), step: join(folder, 'step.onnx') };
  if (options.precision === 'int8') graphs.select = join(folder, 'select.onnx');
  return graphs;
}

async function write(options: DecoderGraphOptions, folder: string): Promise<void> {
  const { precision, manyRows, evidenceLayers, selection } = options;
  const gguf = await openGguf(options.gguf);
  try {
    const config = await readDecoderConfig(gguf);
    const adapter = options.adapter === undefined ? undefined : await readAdapter(options.adapter);
    const calibration =
      precision === 'int8' && options.calibration !== undefined
        ? await readCalibration(options.calibration, config.layers)
        : undefined;
    const decoder = await packDecoder(gguf, config, precision, adapter, calibration);
    const graphs = { prefill: prefillGraph(decoder, manyRows), step: stepGraph(decoder, evidenceLayers, 'blocks') };
    const all =
      precision === 'int8' ? { ...graphs, select: selectGraph(decoder, evidenceLayers, selection, manyRows) } : graphs;
    await writeModels(
      Object.fromEntries(Object.entries(all).map(([name, graph]) => [join(folder, `${name}.onnx`), graph])),
      join(folder, 'weights.data'),
    );
  } finally {
    await gguf.close();
  }
}
