import { openSession, release, tensor, type Feeds, type LocalSession, type Tensor } from '#runtime';
import { decodeGreedy } from '../greedy.js';
import type { Recognition, RecogniseRequest, SpeechModel } from '../recognition.js';
import { tokenTimes } from '../token-times.js';
import { attentionName } from './align-graph.js';
import { buildGraphs, type MoonshineGraphs } from './build-graphs.js';
import { pastNames, presentNames } from './decoder-graph.js';
import { MIN_SAMPLES, STEP_SAMPLES, stepsOf } from './encoder-graph.js';
import { ReusedTensors } from './reused-tensors.js';
import { SoundMemory } from './sound-memory.js';
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
/** The model finds it likelier that nothing was said than that something was. */
const EMPTY = Math.log(0.5);
const GRID = { step: STEP_SAMPLES, first: MIN_SAMPLES / 2 };
const LAYERS = Array.from({ length: SHAPE.layers }, (_, i) => i);
const PAST = LAYERS.flatMap(pastNames);
const PRESENT = LAYERS.flatMap(presentNames);
const ATTENTION = LAYERS.map(attentionName);

/** Moonshine-tiny in this thread: runs block it. */
export class Moonshine implements SpeechModel {
  readonly languages = ['en'];
  private aligner: LocalSession | undefined;
  /** Keys and values of the text: one holds what was said, the other receives it with the next token. Free before and after that. */
  private readonly texts = [new ReusedTensors(), new ReusedTensors()] as const;
  private readonly memory = new SoundMemory(this.texts[0]);

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
      await openSession({ file: graphs.encoder, name: 'speech encoder', threads, arena: false }),
      await openSession({ file: graphs.decoder, name: 'speech decoder', threads, arena: false }),
      graphs,
      threads,
    );
  }

  /** Greedy text of each utterance. All of a request are decoded together: let them be of similar length. */
  async recognise({ utterances, hotwords, times }: RecogniseRequest): Promise<Recognition[]> {
    this.memory.begin(utterances.map(prolonged));
    for (const [i, samples] of utterances.entries()) await this.encode(i, samples);
    const limits = utterances.map((samples) => Math.ceil((samples.length / 16_000) * TOKENS_A_SECOND) + 2);
    const results = await this.decode(limits, hotwords);
    for (const [i, result] of results.entries()) {
      const wanted =
        times === 'all' || (times !== 'none' && result.tokens.slice(0, -1).some((id) => times.splitAt.includes(id)));
      if (wanted && result.tokens.length > 0)
        result.starts = await this.align(this.memory.alone(i), result.tokens, stepsOf(prolonged(utterances[i]!)));
    }
    return results;
  }

  async dispose(): Promise<void> {
    await Promise.all([this.encoder.dispose(), this.decoder.dispose(), this.aligner?.dispose()]);
  }

  private async encode(utterance: number, samples: Float32Array): Promise<void> {
    const into = this.memory.place(utterance);
    const feeds = this.texts[1].take(['samples'], [1, prolonged(samples)]);
    const sound = feeds.samples!.data;
    sound.set(samples);
    sound.fill(0, samples.length);
    await this.encoder.run(feeds, { into });
    this.memory.keep(utterance, into);
  }

  private decode(limits: number[], hotwords: number[][]): Promise<Recognition[]> {
    const size = limits.length;
    const feeds = this.memory.feeds();
    const text = (length: number) => [size, SHAPE.heads, length, SHAPE.headSize];
    // Room for the longest text at once; it would be made anew for each token.
    for (const each of this.texts) each.take(PRESENT, text(Math.max(...limits)));
    Object.assign(feeds, this.texts[0].take(PAST, text(0)));
    const outputs = ['token', 'probability', ...PRESENT];
    const withLogits = [...outputs, 'logits'];
    let before: Tensor | undefined;
    return decodeGreedy({
      start: limits.map(() => [SHAPE.bos]),
      limits,
      end: SHAPE.eos,
      leastEmpty: EMPTY,
      hotwords,
      step: async (tokens, position) => {
        feeds.tokens = tensor('int64', [size, 1], tokens);
        feeds.position = tensor('int64', [1], BigInt64Array.of(BigInt(position)));
        const into = this.texts[position % 2 === 0 ? 1 : 0].take(PRESENT, text(position + 1));
        const wanted = position === 0 || hotwords.length > 0 ? withLogits : outputs;
        if (before) release([before.data.buffer]);
        const step = await this.decoder.run(feeds, { outputs: wanted, into });
        before = step.logits;
        PAST.forEach((name, i) => (feeds[name] = into[PRESENT[i]!]!));
        const [ids, probabilities] = [step.token!.data as BigInt64Array, step.probability!.data as Float32Array];
        const width = SHAPE.vocabulary;
        return {
          best: (row) => ({ id: Number(ids[row]), logprob: Math.log(probabilities[row]!) }),
          logits: (row) => (step.logits!.data as Float32Array).subarray(row * width, (row + 1) * width),
        };
      },
    });
  }

  private async align(sound: Feeds, tokens: number[], steps: number): Promise<number[]> {
    this.aligner ??= await openSession({
      file: this.graphs.aligner,
      name: 'speech aligner',
      threads: this.threads,
      arena: false,
      // A text is read once: weights laid out for its products would cost more memory than they save time.
      config: { 'session.disable_prepacking': '1' },
    });
    const ids = BigInt64Array.from([SHAPE.bos, ...tokens], BigInt);
    const feeds = { ...sound, tokens: tensor('int64', [1, ids.length], ids) };
    const into = this.texts[1].take(ATTENTION, [SHAPE.heads, ids.length, steps]);
    await this.aligner.run(feeds, { into });
    return tokenTimes(Object.values(into), tokens.length, GRID);
  }
}

/** Samples that the encoder gets of an utterance. */
const prolonged = ({ length }: Float32Array): number => Math.max(length, MIN_SAMPLES) + TAIL;
