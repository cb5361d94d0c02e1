import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { InstalledPack } from '#contracts';
import { loadConfig } from '#platform';
import { choosePrecision, installPack, readCpu, type Precision, type QuantisedKernel } from '#runtime';
import { KvCache } from '../../libs/decoder/pool/kv-cache.js';
import { MOST_POSITIONS, rotaryTable } from '../../libs/decoder/pool/rotary.js';
import { PrefixCache } from '../../libs/decoder/engine/prefix-cache.js';
import { Reader } from '../../libs/decoder/engine/reader.js';
import { Arena } from '../../libs/decoder/runner/arena.js';
import { loadModel, modelFiles, type ModelOptions } from '../../libs/decoder/runner/model.js';
import { Runner } from '../../libs/decoder/runner/runner.js';

/** The default pack, from the cache that `make` filled. */
export function defaultPack(): Promise<InstalledPack> {
  const { cacheDir, dataDir } = loadConfig();
  return installPack('tessera-nano', { cacheDir, dataDir });
}

/** How many rows may be multiplied on this processor, its own choice first: not in columns where sums of int8 products saturate. */
export async function manyRowsHere(): Promise<readonly [QuantisedKernel, ...QuantisedKernel[]]> {
  return choosePrecision(await readCpu()).exactBytes ? ['columns', 'blocks'] : ['blocks'];
}

/** The decoder's parts without its worker thread, for tests that look at logits; of the default pack, where no `files` are given. */
export async function openParts(options: {
  precision: Precision;
  adapter: boolean;
  files?: Pick<ModelOptions, 'gguf' | 'packId'>;
  memoryBytes?: number;
  manyRows?: QuantisedKernel;
  /** What computes steps, from the first token on; by default as the product does. */
  steps?: ModelOptions['steps'];
  threads?: number;
}) {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-decoder-'));
  const files: ReturnType<typeof modelFiles> = options.files ?? modelFiles(await defaultPack());
  const model = await loadModel({
    ...files,
    adapter: options.adapter ? files.adapter : undefined,
    cacheDir: options.precision === 'int8' && !options.files ? loadConfig().cacheDir : folder,
    threads: options.threads ?? 0,
    executionProviders: [],
    precision: options.precision,
    manyRows: options.manyRows,
    steps: options.steps,
    kernelAfter: options.steps === 'webassembly' ? 0 : undefined,
  });
  const { layers, kvHeads, headDim, theta } = model.config;
  const shape = { layers, kvHeads, headDim };
  const open = options.precision === 'int8' ? KvCache.open : KvCache.openFloat32;
  const cache = await open({ shape, memoryBytes: options.memoryBytes ?? 512e6, diskBytes: 0, dir: folder });
  const rotary = rotaryTable({ positions: MOST_POSITIONS, headDim, theta, pairs: 'halves' });
  const [runner, arena] = [new Runner(model), new Arena(shape, !model.kernel?.holdsRows)];
  const prefixes = new PrefixCache(runner, cache.store, rotary);
  return {
    model,
    cache,
    runner,
    arena,
    prefixes,
    reader: new Reader(runner, cache.store, arena, prefixes, rotary, () => 1),
    dispose: async () => {
      await model.dispose();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export type Parts = Awaited<ReturnType<typeof openParts>>;
