import { openSession, tensor, type Feeds, type LocalSession } from '#runtime';
import { decodeGreedy } from '../greedy.js';
import type { Recognition, RecogniseRequest, SpeechModel } from '../recognition.js';
import { tokenTimes } from '../token-times.js';
import { buildGraphs, type MoonshineGraphs } from './build-graphs.js';
import { pastNames, presentNames } from './decoder-graph.js';
import { crossNames, MIN_SAMPLES, STEP_SAMPLES } from './encoder-graph.js';
import { SHAPE } from './weights.js';

export interface MoonshineFiles {
  encoder: string;
  decoder: string;
  /** Where built graphs are kept. */
  graphs: string;
  threads: number;
}

/** Speech rarely has more tokens a second than this (Moonshine's own limit). */
const TOKENS_A_SECOND = 6.5;
/**
 * Samples of silence after each utterance. The model was trained on sound that ends so, and gets last words wrong
 * without it: 6.7 % of words on 120 sentences that end at once, 5.9 % with this.
 */
export const TAIL = 8_000;
const GRID = { step: STEP_SAMPLES, first: MIN_SAMPLES / 2 };
const MINUS_INFINITY = -1e9;
const LAYERS = Array.from({ length: SHAPE.layers }, (_, i) => i);
const CROSS = LAYERS.flatMap(crossNames);
const PAST = LAYERS.flatMap(pastNames);
const PRESENT = LAYERS.flatMap(presentNames);

/** Moonshine-tiny in this thread: runs block it. */
export class Moonshine implements SpeechModel {
  readonly languages = ['en'];
  private aligner: LocalSession | undefined;

  private constructor(
    private readonly encoder: LocalSession,
    private readonly decoder: LocalSession,
    private readonly graphs: MoonshineGraphs,
    private readonly threads: number,
  ) {}

  static async open(files: MoonshineFiles): Promise<Moonshine> {
    const { threads } = files;
    const graphs = await buildGraphs(files, files.graphs);
    return new Moonshine(
      await openSession({ file: graphs.encoder, name: 'speech encoder', threads }),
      await openSession({ file: graphs.decoder, name: 'speech decoder', threads }),
      graphs,
      threads,
    );
  }

  /** Greedy text of each utterance. All of a request are decoded together: let them be of similar length. */
  async recognise({ utterances, hotwords, times }: RecogniseRequest): Promise<Recognition[]> {
    const sounds: Feeds[] = [];
    for (const samples of utterances) sounds.push(await this.encode(samples));
    const limits = utterances.map((samples) => Math.ceil((samples.length / 16_000) * TOKENS_A_SECOND) + 2);
    const results = await this.decode(sounds, limits, hotwords);
    for (const [i, result] of results.entries()) {
      const wanted =
        times === 'all' || (times !== 'none' && result.tokens.slice(0, -1).some((id) => times.splitAt.includes(id)));
      if (wanted && result.tokens.length > 0) result.starts = await this.align(sounds[i]!, result.tokens);
    }
    return results;
  }

  async dispose(): Promise<void> {
    await Promise.all([this.encoder.dispose(), this.decoder.dispose(), this.aligner?.dispose()]);
  }

  private async encode(samples: Float32Array): Promise<Feeds> {
    const input = new Float32Array(Math.max(samples.length, MIN_SAMPLES) + TAIL);
    input.set(samples);
    return this.encoder.run({ samples: tensor('float32', [1, input.length], input) });
  }

  private decode(sounds: Feeds[], limits: number[], hotwords: number[][]): Promise<Recognition[]> {
    const size = sounds.length;
    const feeds = together(sounds);
    for (const name of PAST)
      feeds[name] = tensor('float32', [size, SHAPE.heads, 0, SHAPE.headSize], new Float32Array(0));
    const outputs = ['token', 'probability', ...PRESENT, ...(hotwords.length > 0 ? ['logits'] : [])];
    return decodeGreedy({
      start: sounds.map(() => [SHAPE.bos]),
      limits,
      end: SHAPE.eos,
      hotwords,
      step: async (tokens, position) => {
        feeds.tokens = tensor('int64', [size, 1], tokens);
        feeds.position = tensor('int64', [1], BigInt64Array.of(BigInt(position)));
        const step = await this.decoder.run(feeds, { outputs });
        PAST.forEach((name, i) => (feeds[name] = step[PRESENT[i]!]!));
        const [ids, probabilities] = [step.token!.data as BigInt64Array, step.probability!.data as Float32Array];
        const width = SHAPE.vocabulary;
        return {
          best: (row) => ({ id: Number(ids[row]), logprob: Math.log(probabilities[row]!) }),
          logits: (row) => (step.logits!.data as Float32Array).subarray(row * width, (row + 1) * width),
        };
      },
    });
  }

  private async align(sound: Feeds, tokens: number[]): Promise<number[]> {
    this.aligner ??= await openSession({
      file: this.graphs.aligner,
      name: 'speech aligner',
      threads: this.threads,
    });
    const ids = BigInt64Array.from([SHAPE.bos, ...tokens], BigInt);
    const feeds = { ...sound, tokens: tensor('int64', [1, ids.length], ids) };
    const { attention } = await this.aligner.run(feeds);
    return tokenTimes(attention!, tokens.length, GRID);
  }
}

/** The sounds of several utterances as one batch: shorter ones are filled up, and the fill is masked. */
function together(sounds: Feeds[]): Feeds {
  const { heads, headSize } = SHAPE;
  const lengths = sounds.map((sound) => sound[CROSS[0]!]!.dims[2]!);
  const longest = Math.max(...lengths);
  const bias = new Float32Array(sounds.length * longest).fill(MINUS_INFINITY);
  lengths.forEach((length, i) => bias.fill(0, i * longest, i * longest + length));
  const feeds: Feeds = { cross_bias: tensor('float32', [sounds.length, 1, 1, longest], bias) };
  for (const name of CROSS) {
    if (sounds.length === 1) {
      feeds[name] = sounds[0]![name]!;
      continue;
    }
    const all = new Float32Array(sounds.length * heads * longest * headSize);
    sounds.forEach((sound, i) => {
      const from = sound[name]!.data as Float32Array;
      const size = lengths[i]! * headSize;
      for (let head = 0; head < heads; head++)
        all.set(from.subarray(head * size, (head + 1) * size), (i * heads + head) * longest * headSize);
    });
    feeds[name] = tensor('float32', [sounds.length, heads, longest, headSize], all);
  }
  return feeds;
}
