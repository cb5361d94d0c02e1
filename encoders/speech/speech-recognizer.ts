import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { TesseraError, type HearOptions, type InstalledPack, type Transcript, type Utterance } from '#contracts';
import {
  createVad,
  RegionDetector,
  RegionPacker,
  VAD_SAMPLE_RATE,
  VAD_WINDOW,
  type PackOptions,
  type RegionOptions,
  type SpeechRegion,
  type Vad,
} from '#encoders/vad';
import { WorkerClient } from '#runtime';
import { NOT_ENGLISH, seemsEnglish } from './english.js';
import { normaliseLoudness, SlowGain } from './loudness.js';
import { wordsOfPrompt } from './moonshine/hotwords.js';
import type { MoonshineFiles, MoonshineRequest, MoonshineResult } from './moonshine/moonshine.js';
import { Vocabulary } from './moonshine/vocabulary.js';
import { SoundBuffer } from './sound-buffer.js';
import { toUtterances } from './utterance.js';

export interface SpeechOptions {
  pack: InstalledPack;
  /** Worker threads that recognise side by side, one core each; 0 (the default) is one for every core, at most four. */
  threads?: number;
}

export type TranscribeOptions = Partial<HearOptions> & {
  signal?: AbortSignal;
  /** Called for each utterance, in order, as soon as everything before it is known too. */
  onSegment?: (segment: Utterance) => void;
};

/** Each holds the model, 90 MB. */
const MOST_WORKERS = 4;
/** Utterances that are decoded together: their memory of the sound still fits the cache. */
const BATCH = 4;
/** Utterances from which a batch of similar lengths is picked. */
const WINDOW = 3 * BATCH;

const REGIONS: RegionOptions = {
  threshold: 0.5,
  negativeThreshold: 0.35,
  minSilence: 0.3,
  minSpeech: 0.13,
  padding: 0.25,
  maxLength: 24,
};
/** A pause of a speaker who goes on, and a length that the model reads well (seconds). */
const STRETCH: PackOptions = { maxGap: 1, maxLength: 15 };

interface Waiting {
  order: number;
  region: SpeechRegion;
  samples: Float32Array;
}

/** Voice activity detection and Moonshine, in worker threads. Any number of recordings at once. */
export class SpeechRecognizer {
  private readonly idle: WorkerClient[];
  private readonly wanting: ((worker: WorkerClient) => void)[] = [];

  constructor(
    private readonly vad: Vad,
    private readonly workers: WorkerClient[],
    private readonly vocabulary: Vocabulary,
    private readonly languages: readonly string[],
  ) {
    this.idle = [...workers];
  }

  /**
   * @param audio mono float32 PCM at 16 kHz; its first sample is at `options.start` seconds of the file
   * @throws TesseraError invalid_request for a language or task that the pack cannot do, cancelled
   */
  async transcribe(audio: AsyncIterable<Float32Array>, options: TranscribeOptions = {}): Promise<Transcript> {
    const { signal, task = 'transcribe', language } = options;
    if (task === 'translate')
      throw new TesseraError('invalid_request', 'This speech model does not translate; a Whisper pack does.', {
        param: 'task',
      });
    if (language !== undefined && !this.languages.includes(language.slice(0, 2).toLowerCase()))
      throw new TesseraError(
        'invalid_request',
        `This speech model knows ${this.languages.join(', ')}, not "${language}"; a Whisper pack knows more languages.`,
        { param: 'language' },
      );
    const pass = new Pass(options, this.vocabulary, (request) => this.recognise(request, signal));
    const stream = this.vad.stream();
    const detector = new RegionDetector(VAD_WINDOW, VAD_SAMPLE_RATE, REGIONS);
    const sound = new SoundBuffer();
    const gain = new SlowGain();
    const packer = new RegionPacker(VAD_SAMPLE_RATE, STRETCH);
    const take = async (regions: SpeechRegion[]) => {
      for (const region of regions) await pass.add(region, sound.slice(region.start, region.end));
    };
    for await (const samples of audio) {
      if (signal?.aborted) throw new TesseraError('cancelled', 'The transcription was cancelled.');
      sound.push(samples);
      await take(packer.push(detector.push(await stream.push(gain.apply(samples, VAD_SAMPLE_RATE), { signal }))));
      await take(packer.settle(detector.settled));
      sound.forget(Math.min(detector.settled, packer.settled));
    }
    await take(packer.push(detector.push(await stream.finish({ signal }))));
    await take(packer.push(detector.finish(sound.length)));
    await take(packer.finish());
    const segments = await pass.finish();

    return {
      language: language ?? this.languages[0] ?? 'en',
      duration: (options.start ?? 0) + sound.length / VAD_SAMPLE_RATE,
      text: segments.map(({ text }) => text).join(' '),
      segments,
      warnings: [...pass.warnings, ...(seemsEnglish(segments) ? [] : [NOT_ENGLISH])],
    };
  }

  async dispose(): Promise<void> {
    await Promise.all([this.vad.dispose(), ...this.workers.map((worker) => worker.dispose())]);
  }

  /** Runs on the first worker that is free. */
  private async recognise(request: MoonshineRequest, signal: AbortSignal | undefined): Promise<MoonshineResult[]> {
    const worker = this.idle.pop() ?? (await new Promise<WorkerClient>((resolve) => this.wanting.push(resolve)));
    try {
      return await worker.call<MoonshineResult[]>('recognise', request, { signal });
    } finally {
      const next = this.wanting.shift();
      if (next) next(worker);
      else this.idle.push(worker);
    }
  }
}

/** One recording on its way: regions in, utterances out in order, with a bounded number of regions in memory. */
class Pass {
  readonly warnings: string[] = [];
  private readonly hotwords: number[][];
  private waiting: Waiting[] = [];
  private readonly running = new Set<Promise<void>>();
  private readonly known = new Map<number, Utterance[]>();
  private readonly segments: Utterance[] = [];
  private count = 0;
  private told = 0;
  private failure: unknown;

  constructor(
    private readonly options: TranscribeOptions,
    private readonly vocabulary: Vocabulary,
    private readonly recognise: (request: MoonshineRequest) => Promise<MoonshineResult[]>,
  ) {
    const words = [...(options.hotwords ?? []), ...wordsOfPrompt(options.prompt ?? '')];
    this.hotwords = words.map((word) => vocabulary.encode(word.trim())).filter((ids) => ids.length > 0);
  }

  async add(region: SpeechRegion, samples: Float32Array): Promise<void> {
    this.waiting.push({ order: this.count++, region, samples });
    // The first utterance goes alone, so that the first text comes soon.
    if (this.count === 1) this.start(1);
    while (this.waiting.length >= WINDOW) {
      this.start(BATCH);
      if (this.running.size > 2) await Promise.race(this.running);
    }
    if (this.failure !== undefined) throw this.failure;
  }

  async finish(): Promise<Utterance[]> {
    while (this.waiting.length > 0) this.start(BATCH);
    await Promise.all(this.running);
    if (this.failure !== undefined) throw this.failure;
    return this.segments;
  }

  /** The oldest region and those nearest to it in length. */
  private start(size: number): void {
    const [oldest] = this.waiting;
    if (!oldest) return;
    const distance = ({ samples }: Waiting) => Math.abs(samples.length - oldest.samples.length);
    const batch = [...this.waiting].sort((a, b) => distance(a) - distance(b) || a.order - b.order).slice(0, size);
    this.waiting = this.waiting.filter((each) => !batch.includes(each));
    const run: Promise<void> = this.run(batch)
      .catch((error: unknown) => {
        this.failure ??= error;
      })
      .finally(() => this.running.delete(run));
    this.running.add(run);
  }

  private async run(batch: Waiting[]): Promise<void> {
    const { words = false, start = 0, onSegment } = this.options;
    const results = await this.recognise({
      utterances: batch.map(({ samples }) => normaliseLoudness(samples)),
      hotwords: this.hotwords,
      times: words ? 'all' : { splitAt: this.vocabulary.sentenceEnds },
    });
    results.forEach((result, i) => {
      const { region, order } = batch[i]!;
      if (result.looped) this.warn('A part of the text repeated itself and was shortened.');
      const heard = {
        start: round(start + region.start / VAD_SAMPLE_RATE),
        end: round(start + region.end / VAD_SAMPLE_RATE),
        confidence: region.confidence,
        result,
      };
      this.known.set(order, toUtterances(heard, this.vocabulary, words));
    });
    for (let next = this.known.get(this.told); next; next = this.known.get(++this.told)) {
      this.known.delete(this.told);
      for (const segment of next) {
        this.segments.push(segment);
        onSegment?.(segment);
      }
    }
  }

  private warn(message: string): void {
    if (!this.warnings.includes(message)) this.warnings.push(message);
  }
}

const round = (seconds: number): number => Math.round(seconds * 1000) / 1000;

/** @throws TesseraError model_missing when the pack has no speech model, or one of a family that is not known */
export async function createSpeechRecognizer({ pack, threads = 0 }: SpeechOptions): Promise<SpeechRecognizer> {
  const { speech, name } = pack.manifest;
  if (!speech) throw new TesseraError('model_missing', `The pack ${name} has no speech model.`);
  if (speech.family !== 'moonshine')
    throw new TesseraError(
      'model_missing',
      `The pack ${name} has a ${speech.family} model, which is not supported yet.`,
    );
  const vocabulary = Vocabulary.parse(await readFile(pack.path(speech.tokenizer), 'utf8'));
  const files: MoonshineFiles = { encoder: pack.path(speech.encoder), decoder: pack.path(speech.decoder), threads: 1 };
  const workers = Array.from(
    { length: Math.min(threads || availableParallelism(), MOST_WORKERS) },
    (_, i) => new WorkerClient(new URL('./speech-worker.js', import.meta.url), { name: `speech ${i + 1}` }),
  );
  const vad = createVad({ pack });
  try {
    await Promise.all([vad, ...workers.map((worker) => worker.call('load', files))]);
    return new SpeechRecognizer(await vad, workers, vocabulary, speech.languages);
  } catch (error) {
    await Promise.all([
      ...workers.map((worker) => worker.dispose()),
      vad.then((one) => one.dispose()).catch(() => undefined),
    ]);
    throw error;
  }
}
