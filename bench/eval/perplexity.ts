import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import type { InstalledPack } from '#contracts';
import { loadConfig } from '#platform';
import { installPack, type Precision } from '#runtime';
import { Arena } from '../../libs/decoder/runner/arena.js';
import { loadModel, type DecoderModel } from '../../libs/decoder/runner/model.js';
import { Runner } from '../../libs/decoder/runner/runner.js';
import { evalArguments } from '../arguments.js';
import { report, type Row } from '../report.js';

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
  const text = await speechTexts(data);
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

async function speechTexts(data: string): Promise<string> {
  const lines = (await readFile(join(data, 'speech.jsonl'), 'utf8')).trim().split('\n');
  return lines.map((line) => z.object({ text: z.string() }).parse(JSON.parse(line)).text).join(' ');
}

async function perplexity(
  pack: InstalledPack,
  text: string,
  { precision, adapter }: { precision: Precision; adapter: boolean },
): Promise<number> {
  const { base, adapter: low, calibration } = pack.manifest.decoder;
  const folder = await mkdtemp(join(tmpdir(), 'tessera-eval-'));
  const path = (name: string | undefined): string | undefined => (name === undefined ? undefined : pack.path(name));
  const model = await loadModel({
    gguf: pack.path(base),
    adapter: adapter ? path(low) : undefined,
    calibration: path(calibration),
    packId: pack.id,
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
