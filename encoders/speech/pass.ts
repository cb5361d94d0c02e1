import type { HearOptions, Utterance } from '#contracts';
import { VAD_SAMPLE_RATE, type SpeechRegion } from '#encoders/vad';
import { wordsOfPrompt } from './hotwords.js';
import { normaliseLoudness } from './loudness.js';
import type { Recognition, RecogniseRequest, SpeechVocabulary } from './recognition.js';
import { respell } from './spelling.js';
import { stretchKey, type StretchMemory } from './stretch-memory.js';
import { rounded } from './timed-words.js';
import { toUtterances } from './utterance.js';

export type PassOptions = Partial<HearOptions> & {
  /** Called for each utterance, in order, as soon as everything before it is known too. */
  onSegment?: (segment: Utterance) => void;
  /** Called with the seconds of the file up to which all is told: the end of an utterance, or a place in a long silence. */
  onHeard?: (until: number) => void;
  memory?: StretchMemory;
};

export interface PassModel {
  vocabulary: SpeechVocabulary;
  /** Takes the text of `prompt` as what came before; another gets its rare words as hot words. */
  takesPrompt: boolean;
  recognise(request: RecogniseRequest): Promise<Recognition[]>;
}

/** Utterances that are decoded together: their memory of the sound still fits the cache. */
const BATCH = 4;
/** Seconds of sound, with what the shorter are filled up with, that are decoded together: more is memory without a gain. */
const BATCH_SECONDS = 48;
/** Utterances from which a batch of similar lengths is picked. */
const WINDOW = 3 * BATCH;

/** Utterances that are read beyond the first before its text is known; a short recording has no more. */
const READ_AHEAD = 2;

interface Waiting {
  order: number;
  region: SpeechRegion;
  samples: Float32Array;
  key: string;
}

const LOOPED = 'A part of the text repeated itself and was shortened.';
const NO_WORD_TIMES =
  'This speech model does not tell when words are said; the transcript has the times of stretches only.';

/** A stretch that is surely speech, and long enough to be missed. */
const SURELY_SPEECH = 0.8;
const MISSED_SECONDS = 2;
const MISSED_NAMED = 5;

/** One recording on its way: regions in, utterances out in order, with a bounded number of regions in memory. */
export class Pass {
  readonly warnings: string[] = [];
  /** Seconds that each language was spoken, as the model heard it. */
  private readonly languages = new Map<string, number>();
  private readonly settings: Omit<RecogniseRequest, 'utterances' | 'likely'>;
  private waiting: Waiting[] = [];
  private readonly running = new Set<Promise<void>>();
  private readonly known = new Map<number, Utterance[]>();
  private readonly segments: Utterance[] = [];
  /** Stretches of speech whose text was too uncertain to be told. */
  private readonly missed: { start: number; end: number }[] = [];
  private count = 0;
  private told = 0;
  private failure: unknown;

  constructor(
    private readonly options: PassOptions,
    private readonly model: PassModel,
  ) {
    const { words = false, hotwords = [], prompt = '', language, task } = options;
    const { vocabulary, takesPrompt } = model;
    const hot = takesPrompt ? hotwords : [...hotwords, ...wordsOfPrompt(prompt)];
    this.settings = {
      hotwords: hot.map((word) => vocabulary.encode(word.trim())).filter((ids) => ids.length > 0),
      times: words ? 'all' : { splitAt: vocabulary.sentenceEnds },
      language,
      task,
      prompt: takesPrompt && prompt !== '' ? vocabulary.encode(prompt) : [],
    };
  }

  /** The language that was spoken most, where the model tells. */
  get language(): string | undefined {
    const [most] = [...this.languages].sort(([, a], [, b]) => b - a);
    return most?.[0];
  }

  async add(region: SpeechRegion, samples: Float32Array): Promise<void> {
    const { memory } = this.options;
    const order = this.count++;
    const key = memory ? stretchKey(samples, this.settings) : '';
    const recalled = await memory?.recall(key);
    if (recalled) {
      this.learn({ order, region, samples, key }, recalled);
      this.tell();
    } else this.waiting.push({ order, region, samples, key });
    // The first utterance goes alone, and reading on waits for it, so that the first text comes soon.
    if (order === 0) this.start(1);
    if (this.told === 0 && this.waiting.length >= READ_AHEAD && this.running.size > 0) await Promise.race(this.running);
    while (this.waiting.length >= WINDOW) {
      this.start(BATCH);
      if (this.running.size > 2) await Promise.race(this.running);
    }
    if (this.failure !== undefined) throw this.failure;
  }

  /** There is nothing more to come before a sample. */
  silentUntil(sample: number): void {
    if (this.told === this.count) this.options.onHeard?.(this.secondsAt(sample));
  }

  async finish(): Promise<Utterance[]> {
    while (this.waiting.length > 0) this.start(BATCH);
    await Promise.all(this.running);
    if (this.failure !== undefined) throw this.failure;
    if (this.missed.length > 0) this.warn(leftOut(this.missed));
    return this.segments;
  }

  /** The oldest region and those nearest to it in length. */
  private start(size: number): void {
    const [oldest] = this.waiting;
    if (!oldest) return;
    const distance = ({ samples }: Waiting) => Math.abs(samples.length - oldest.samples.length);
    const nearest = [...this.waiting].sort((a, b) => distance(a) - distance(b) || a.order - b.order);
    const batch: Waiting[] = [];
    for (const each of nearest.slice(0, size)) if (batch.length === 0 || fits([...batch, each])) batch.push(each);
    this.waiting = this.waiting.filter((each) => !batch.includes(each));
    const run: Promise<void> = this.run(batch)
      .catch((error: unknown) => {
        this.failure ??= error;
      })
      .finally(() => this.running.delete(run));
    this.running.add(run);
  }

  private async run(batch: Waiting[]): Promise<void> {
    const utterances = batch.map(({ samples }) => normaliseLoudness(samples));
    const results = await this.model.recognise({ ...this.settings, utterances, likely: this.language });
    for (const [i, result] of results.entries()) {
      await this.options.memory?.keep(batch[i]!.key, result);
      this.learn(batch[i]!, result);
    }
    this.tell();
  }

  private learn({ order, region }: Waiting, result: Recognition): void {
    const { words = false, replacements = [] } = this.options;
    if (result.looped) this.warn(LOOPED);
    if (words && result.tokens.length > 0 && !result.starts) this.warn(NO_WORD_TIMES);
    const heard = {
      start: this.secondsAt(region.start),
      end: this.secondsAt(region.end),
      confidence: region.confidence,
      result,
    };
    const utterances = toUtterances(heard, this.model.vocabulary, words);
    const seconds = heard.end - heard.start;
    if (utterances.length === 0 && region.confidence >= SURELY_SPEECH && seconds >= MISSED_SECONDS)
      this.missed.push(heard);
    if (result.language && utterances.length > 0)
      this.languages.set(result.language, (this.languages.get(result.language) ?? 0) + seconds);
    const spelt = utterances.map((utterance) => respell(utterance, replacements));
    // Replacements may leave nothing of an utterance.
    this.known.set(
      order,
      spelt.filter(({ text }) => text !== ''),
    );
  }

  /** Gives out what follows on what was given out. */
  private tell(): void {
    for (let next = this.known.get(this.told); next; next = this.known.get(++this.told)) {
      this.known.delete(this.told);
      for (const segment of next) {
        this.segments.push(segment);
        this.options.onSegment?.(segment);
        this.options.onHeard?.(segment.end);
      }
    }
  }

  private secondsAt(sample: number): number {
    return rounded((this.options.start ?? 0) + sample / VAD_SAMPLE_RATE);
  }

  private warn(message: string): void {
    if (!this.warnings.includes(message)) this.warnings.push(message);
  }
}

function fits(batch: readonly Waiting[]): boolean {
  const longest = Math.max(...batch.map(({ samples }) => samples.length));
  return batch.length * longest <= BATCH_SECONDS * VAD_SAMPLE_RATE;
}

function leftOut(missed: readonly { start: number; end: number }[]): string {
  const places = missed
    .toSorted((a, b) => a.start - b.start)
    .map(({ start, end }) => `${start.toFixed(1)}–${end.toFixed(1)} s`);
  const more = places.length > MISSED_NAMED ? ` and ${places.length - MISSED_NAMED} more` : '';
  return `Speech was left out that the model could not make out, perhaps because of its language: ${places.slice(0, MISSED_NAMED).join(', ')}${more}.`;
}
