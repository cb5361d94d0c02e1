import { readFile } from 'node:fs/promises';
import { TesseraError } from '#contracts';
import { openSession, tensor, type LocalSession, type Tensor } from '#runtime';
import { decodeGreedy, type NextTokens } from '../greedy.js';
import type { Recognition, RecogniseRequest, SpeechModel } from '../recognition.js';
import { tokenTimes } from '../token-times.js';
import { WhisperDecoder, type DecoderFiles } from './decoder.js';
import { parseGeneration, type Generation } from './generation.js';
import { FRAMES, HOP, LogMel } from './log-mel.js';

export interface WhisperFiles extends DecoderFiles {
  encoder: string;
  /** generation_config.json */
  generation: string;
}

/** The encoder halves the frames. */
const STEP_SAMPLES = 2 * HOP;
const GRID = { step: STEP_SAMPLES, first: STEP_SAMPLES / 2 };
/** A language that is less likely than this is taken for that of the rest of the recording. */
const SURE = 0.5;

/** Whisper, from the ONNX files of its usual exports. */
export class Whisper implements SpeechModel {
  /** A model of one language is one of English. */
  readonly languages: string[];
  private readonly mel: LogMel;

  private constructor(
    private readonly encoder: LocalSession,
    private readonly decoder: WhisperDecoder,
    private readonly generation: Generation,
  ) {
    const { languages } = generation;
    this.languages = languages.size > 0 ? [...languages.keys()] : ['en'];
    this.mel = new LogMel(Number(encoder.inputs[0]!.dims[1]));
  }

  static async open(files: WhisperFiles): Promise<Whisper> {
    const generation = parseGeneration(await readFile(files.generation, 'utf8'));
    const encoder = await openSession({ file: files.encoder, name: 'speech encoder', threads: files.threads });
    return new Whisper(encoder, await WhisperDecoder.open(files), generation);
  }

  /** Greedy text of each utterance of at most thirty seconds; what is longer is cut. */
  async recognise(request: RecogniseRequest): Promise<Recognition[]> {
    const { utterances, hotwords, times, prompt = [] } = request;
    const sounds: Tensor[] = [];
    for (const samples of utterances) sounds.push(await this.encode(samples));
    const sound = stacked(sounds);
    const languages = await this.heardLanguages(sound, request);
    const start = languages.map((language) => this.beginning(language, request.task ?? 'transcribe', prompt));
    const { end, maxLength } = this.generation;
    const length = start[0]!.length;
    const next = this.decoder.begin(sound);
    const results = await decodeGreedy({
      start,
      end,
      hotwords,
      limits: start.map(() => maxLength - length),
      step: async (tokens, position) => this.nextTokens(await next(tokens), position === 0),
    });
    for (const [i, result] of results.entries()) {
      if (languages[i] !== undefined) result.language = languages[i];
      const wanted =
        times === 'all' || (times !== 'none' && result.tokens.slice(0, -1).some((id) => times.splitAt.includes(id)));
      if (wanted && result.tokens.length > 0 && this.decoder.givesAttention)
        result.starts = await this.align(sounds[i]!, start[i]!, result.tokens, utterances[i]!.length);
    }
    return results;
  }

  async dispose(): Promise<void> {
    await this.encoder.dispose();
    await this.decoder.dispose();
  }

  private async encode(samples: Float32Array): Promise<Tensor> {
    const input = tensor('float32', [1, this.mel.mels, FRAMES], this.mel.features(samples));
    const { last_hidden_state } = await this.encoder.run({ [this.encoder.inputs[0]!.name]: input });
    return last_hidden_state!;
  }

  /** The language of each utterance; undefined for a model of one language. */
  private async heardLanguages(sound: Tensor, { language, likely }: RecogniseRequest): Promise<(string | undefined)[]> {
    const { languages, start } = this.generation;
    const size = sound.dims[0]!;
    if (languages.size === 0) return new Array<undefined>(size).fill(undefined);
    if (language !== undefined) return new Array<string>(size).fill(language);
    const logits = await this.decoder.begin(sound)(new BigInt64Array(size).fill(BigInt(start)));
    return Array.from({ length: size }, (_, row) => {
      const values = lastRow(logits, row);
      const scores = [...languages].map(([name, id]) => ({ name, score: values[id]! }));
      const best = scores.reduce((a, b) => (b.score > a.score ? b : a));
      const share = 1 / scores.reduce((sum, { score }) => sum + Math.exp(score - best.score), 0);
      return share < SURE && likely !== undefined ? likely : best.name;
    });
  }

  /** @throws TesseraError invalid_request for a language that the model does not know */
  private beginning(language: string | undefined, task: string, prompt: readonly number[]): number[] {
    const { start, noTimestamps, previous, languages, tasks, maxLength } = this.generation;
    const before =
      previous === undefined || prompt.length === 0 ? [] : [previous, ...prompt.slice(1 - Math.floor(maxLength / 2))];
    if (language === undefined) return [...before, start, noTimestamps];
    const [code, work] = [languages.get(language), tasks[task]];
    if (code === undefined || work === undefined)
      throw new TesseraError('invalid_request', `This speech model does not ${task} the language "${language}".`, {
        param: 'language',
      });
    return [...before, start, code, work, noTimestamps];
  }

  private nextTokens(logits: Tensor, first: boolean): NextTokens {
    const { never, neverFirst } = this.generation;
    const rows = Array.from({ length: logits.dims[0]! }, (_, row) => lastRow(logits, row));
    for (const values of rows) for (const id of first ? [...never, ...neverFirst] : never) values[id] = -Infinity;
    return {
      logits: (row) => rows[row]!,
      best: (row) => {
        const values = rows[row]!;
        let id = 0;
        for (let i = 1; i < values.length; i++) if (values[i]! > values[id]!) id = i;
        let sum = 0;
        for (const value of values) sum += Math.exp(value - values[id]!);
        return { id, logprob: -Math.log(sum) };
      },
    };
  }

  private async align(sound: Tensor, start: number[], tokens: number[], samples: number): Promise<number[]> {
    const layers = await this.decoder.attention(sound, [...start, ...tokens]);
    const heads =
      this.generation.alignmentHeads ??
      layers.flatMap((layer, i) =>
        // Unless the model says which: the upper half of the layers.
        i < Math.floor(layers.length / 2)
          ? []
          : Array.from({ length: layer.dims[1]! }, (_, head) => [i, head] as const),
      );
    const [rows, wide] = [tokens.length + 1, layers[0]!.dims[3]!];
    const steps = Math.max(1, Math.min(wide, Math.ceil(samples / STEP_SAMPLES)));
    const picked = new Float32Array(heads.length * rows * steps);
    heads.forEach(([layer, head], i) => {
      const { dims, data } = layers[layer]!;
      for (let row = 0; row < rows; row++) {
        // The row before a token is the one that chose it.
        const from = (head * dims[2]! + start.length - 1 + row) * wide;
        picked.set((data as Float32Array).subarray(from, from + steps), (i * rows + row) * steps);
      }
    });
    return tokenTimes([tensor('float32', [heads.length, rows, steps], picked)], tokens.length, GRID);
  }
}

/** Tensors [1, …] as one [n, …]. */
function stacked(tensors: Tensor[]): Tensor {
  const [one] = tensors;
  if (tensors.length === 1) return one!;
  const all = new Float32Array(one!.data.length * tensors.length);
  tensors.forEach(({ data }, i) => all.set(data as Float32Array, i * data.length));
  return tensor('float32', [tensors.length, ...one!.dims.slice(1)], all);
}

/** Logits [n, length, vocabulary] at the last position of a text. */
function lastRow({ dims, data }: Tensor, row: number): Float32Array {
  const [, length, vocabulary] = dims as [number, number, number];
  const at = (row * length + length - 1) * vocabulary;
  return (data as Float32Array).subarray(at, at + vocabulary);
}
