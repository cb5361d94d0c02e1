import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { TesseraError, type InstalledPack } from '#contracts';
import { decodeAudio } from '#media';
import { loadConfig } from '#platform';
import { installPack } from '#runtime';

const Row = z.object({ file: z.string(), text: z.string(), seconds: z.number() });

export interface SpokenSentence {
  file: string;
  text: string;
  /** Mono float32 PCM at 16 kHz. */
  samples: Float32Array;
}

/** The sentences of `speech.jsonl`, decoded. */
export async function speechSet(data: string, limit?: number): Promise<SpokenSentence[]> {
  const list = await readFile(join(data, 'speech.jsonl'), 'utf8').catch(() => {
    throw new TesseraError(
      'file_not_found',
      `There is no ${join(data, 'speech.jsonl')}. Name the folder of the data with --data FOLDER.`,
    );
  });
  const rows = list
    .trim()
    .split('\n')
    .slice(0, limit)
    .map((line) => Row.parse(JSON.parse(line)));
  const sentences: SpokenSentence[] = [];
  for (const { file, text } of rows) sentences.push({ file, text, samples: await wholeSound(join(data, file)) });
  return sentences;
}

export async function wholeSound(file: string): Promise<Float32Array> {
  const pieces: Float32Array[] = [];
  for await (const piece of decodeAudio(file)) pieces.push(piece);
  return joined(pieces);
}

export function joined(pieces: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  pieces.reduce((at, piece) => (all.set(piece, at), at + piece.length), 0);
  return all;
}

/** One second at a time, as a decoder gives it. */
export async function* inSeconds(samples: Float32Array): AsyncGenerator<Float32Array> {
  for (let at = 0; at < samples.length; at += 16_000) yield samples.slice(at, at + 16_000);
}

export async function speechPack(): Promise<{ pack: InstalledPack; graphs: string; threads: number }> {
  const { pack, cacheDir, runtime } = loadConfig();
  const threads = runtime.threads || availableParallelism();
  return { pack: await installPack(pack, { cacheDir }), graphs: join(cacheDir, 'graphs'), threads };
}
