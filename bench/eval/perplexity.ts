import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { InstalledPack } from '#contracts';
import { loadConfig } from '#platform';
import { installPack, type Precision } from '#runtime';
import { Arena } from '../../libs/decoder/runner/arena.js';
import { loadModel, modelFiles, type DecoderModel } from '../../libs/decoder/runner/model.js';
import { Runner } from '../../libs/decoder/runner/runner.js';
import { evalArguments } from '../arguments.js';
import { report, type Row } from '../report.js';
import { speechTexts } from './data.js';

const TOKENS = 2000;
const CHUNK = 250;

/**
 * Perplexity of the decoder on 2,000 tokens of the speech texts in chunks of 250, quantised and in float32, with the
 * pack's adapter and without: what quantisation costs, and whether the adapter lets the base model's English decay.
 */
export async function run(args: string[]): Promise<void> {
  const { data } = evalArguments(args);
  const config = loadConfig();
  const pack = await installPack(config.pack, { cacheDir: config.cacheDir, dataDir: config.dataDir });
  const text = (await speechTexts(data)).join(' ');
  const rows: Row[] = [];
  for (const adapter of [true, false]) {
    const exact = await perplexity(pack, text, { precision: 'float32', adapter });
    const quantised = await perplexity(pack, text, { precision: 'int8', adapter });
    rows.push({
      model: adapter ? 'base and adapter' : 'base alone',
      float32: exact,
      int8: quantised,
      'difference %': 100 * (quantised / exact - 1),
    });
  }
  report(`perplexity on ${TOKENS} tokens of speech texts`, rows, { pack: pack.id });
}

async function perplexity(
  pack: InstalledPack,
  text: string,
  { precision, adapter }: { precision: Precision; adapter: boolean },
): Promise<number> {
  const files = modelFiles(pack);
  const folder = await mkdtemp(join(tmpdir(), 'tessera-eval-'));
  const model = await loadModel({
    ...files,
    adapter: adapter ? files.adapter : undefined,
    cacheDir: folder,
    threads: loadConfig().runtime.threads || availableParallelism(),
    executionProviders: [],
    precision,
  });
  try {
    return await measure(model, text);
  } finally {
    await model.dispose();
    await rm(folder, { recursive: true, force: true });
  }
}

async function measure(model: DecoderModel, text: string): Promise<number> {
  const { hidden, vocabulary, layers, kvHeads, headDim } = model.config;
  const ids = model.tokenizer.encode(text).slice(0, TOKENS);
  const runner = new Runner(model);
  let [sum, count] = [0, 0];
  for (let from = 0; from < ids.length; from += CHUNK) {
    const chunk = ids.slice(from, from + CHUNK);
    const embedded = new Float32Array(chunk.length * hidden);
    chunk.forEach((id, i) => model.embeddings.row(id, embedded, i * hidden));
    const arena = new Arena({ layers, kvHeads, headDim });
    const working = arena.add(chunk.length);
    const rows = chunk.map((_, i) => i);
    const { logits } = await runner.step(arena, working.slot, 1, embedded, rows);
    for (let i = 1; i < chunk.length; i++) {
      sum -= logProbability(logits.subarray((i - 1) * vocabulary, i * vocabulary), chunk[i]!);
      count++;
    }
    arena.remove(working);
  }
  return Math.exp(sum / count);
}

function logProbability(logits: Float32Array, id: number): number {
  const peak = logits.reduce((best, x) => Math.max(best, x), -Infinity);
  const total = logits.reduce((sum, x) => sum + Math.exp(x - peak), 0);
  return logits[id]! - peak - Math.log(total);
}
