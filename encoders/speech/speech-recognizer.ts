import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { TesseraError, type InstalledPack, type Transcript } from '#contracts';
import { traced } from '#platform';
import {
  createVad,
  RegionDetector,
  RegionPacker,
  VAD_SAMPLE_RATE,
  VAD_WINDOW,
  type RegionOptions,
  type SpeechRegion,
  type Vad,
} from '#encoders/vad';
import { NOT_ENGLISH, seemsEnglish } from './english.js';
import { FAMILIES, modelFiles } from './families.js';
import { SlowGain } from './loudness.js';
import { Pass, type PassOptions } from './pass.js';
import type { RecogniseRequest, SpeechVocabulary } from './recognition.js';
import { SoundBuffer } from './sound-buffer.js';
import { SpeechWorkers } from './speech-workers.js';
import { rounded } from './timed-words.js';

export interface SpeechOptions {
  pack: InstalledPack;
  /** Where built graphs are kept, normally `<cacheDir>/graphs`. */
  graphs: string;
  /** Worker threads that recognise side by side, one core each; 0 (the default) is one for every core, at most four. */
  threads?: number;
}

export type TranscribeOptions = PassOptions & { signal?: AbortSignal };

/** Each holds the model, 90 MB. */
const MOST_WORKERS = 4;

const REGIONS: RegionOptions = {
  threshold: 0.5,
  negativeThreshold: 0.35,
  minSilence: 0.3,
  minSpeech: 0.13,
  padding: 0.25,
  maxLength: 24,
};
/** A pause of a speaker who goes on (seconds). */
const MAX_GAP = 1;

interface Model {
  family: (typeof FAMILIES)[keyof typeof FAMILIES];
  vocabulary: SpeechVocabulary;
  workers: SpeechWorkers;
  languages: readonly string[];
}

/** Voice activity detection and a model of speech, in worker threads. Any number of recordings at once. */
export class SpeechRecognizer {
  constructor(
    private readonly vad: Vad,
    private readonly model: Model,
  ) {}

  /**
   * @param audio mono float32 PCM at 16 kHz; its first sample is at `options.start` seconds of the file
   * @throws TesseraError invalid_request for a language or task that the pack cannot do, cancelled
   */
  async transcribe(audio: AsyncIterable<Float32Array>, options: TranscribeOptions = {}): Promise<Transcript> {
    const { signal, task = 'transcribe' } = options;
    const { family, vocabulary, workers, languages } = this.model;
    const language = this.asked(options);
    const pass = new Pass(
      { ...options, task, language },
      {
        vocabulary,
        takesPrompt: family.takesPrompt,
        recognise: (request) =>
          traced('speech.recognise', measuresOf(request), () => workers.recognise(request, signal)),
      },
    );
    const seconds = await this.listen(audio, pass, signal);
    const segments = await pass.finish();
    const warn = languages.length === 1 && languages[0] === 'en' && !seemsEnglish(segments);

    return {
      language: task === 'translate' ? 'en' : (language ?? pass.language ?? 'en'),
      // As the times of segments are, so that none ends after it.
      duration: rounded((options.start ?? 0) + seconds),
      text: segments.map(({ text }) => text).join(' '),
      segments,
      warnings: [...pass.warnings, ...(warn ? [NOT_ENGLISH] : [])],
    };
  }

  async dispose(): Promise<void> {
    await Promise.all([this.vad.dispose(), this.model.workers.dispose()]);
  }

  /** The code of the language that was asked for, when the model can do what was asked for. */
  private asked({ language, task }: TranscribeOptions): string | undefined {
    const { family, languages } = this.model;
    if (task === 'translate' && !(family.translates && languages.length > 1))
      throw new TesseraError(
        'invalid_request',
        'This speech model does not translate; a Whisper pack of many languages does.',
        { param: 'task' },
      );
    const code = language?.toLowerCase().split(/[-_]/)[0];
    if (code !== undefined && !languages.includes(code))
      throw new TesseraError(
        'invalid_request',
        `This speech model knows ${languages.join(', ')}, not "${language}"${languages.length > 1 ? '.' : '; a Whisper pack knows more languages.'}`,
        { param: 'language' },
      );
    return code;
  }

  /** Hands every stretch of speech to the pass; resolves to the seconds of sound that there were. */
  private async listen(
    audio: AsyncIterable<Float32Array>,
    pass: Pass,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    const stream = this.vad.stream();
    const detector = new RegionDetector(VAD_WINDOW, VAD_SAMPLE_RATE, REGIONS);
    const sound = new SoundBuffer();
    const gain = new SlowGain();
    const packer = new RegionPacker(VAD_SAMPLE_RATE, { maxGap: MAX_GAP, maxLength: this.model.family.maxLength });
    const take = async (regions: SpeechRegion[]) => {
      for (const region of regions) await pass.add(region, sound.slice(region.start, region.end));
    };
    for await (const samples of audio) {
      if (signal?.aborted) throw new TesseraError('cancelled', 'The transcription was cancelled.');
      sound.push(samples);
      await take(packer.push(detector.push(await stream.push(gain.apply(samples, VAD_SAMPLE_RATE), { signal }))));
      await take(packer.settle(detector.settled));
      const settled = Math.min(detector.settled, packer.settled);
      sound.forget(settled);
      pass.silentUntil(settled);
    }
    await take(packer.push(detector.push(await stream.finish({ signal }))));
    await take(packer.push(detector.finish(sound.length)));
    await take(packer.finish());
    return sound.length / VAD_SAMPLE_RATE;
  }
}

const measuresOf = ({ utterances }: RecogniseRequest) => ({
  'tessera.utterances': utterances.length,
  'tessera.audio_seconds': utterances.reduce((sum, { length }) => sum + length, 0) / VAD_SAMPLE_RATE,
});

/** @throws TesseraError model_missing when the pack has no speech model */
export async function createSpeechRecognizer({ pack, graphs, threads = 0 }: SpeechOptions): Promise<SpeechRecognizer> {
  const { speech, name } = pack.manifest;
  if (!speech) throw new TesseraError('model_missing', `The pack ${name} has no speech model.`);
  const family = FAMILIES[speech.family];
  const vocabulary = family.parseVocabulary(await readFile(pack.path(speech.tokenizer), 'utf8'));
  const vad = createVad({ pack });
  const count = Math.min(threads || availableParallelism(), MOST_WORKERS);
  const [heard, loaded] = await Promise.allSettled([vad, SpeechWorkers.open(modelFiles(pack, speech, graphs), count)]);
  if (heard.status === 'fulfilled' && loaded.status === 'fulfilled')
    return new SpeechRecognizer(heard.value, { family, vocabulary, ...loaded.value });
  if (heard.status === 'fulfilled') await heard.value.dispose();
  if (loaded.status === 'fulfilled') await loaded.value.workers.dispose();
  throw (heard.status === 'rejected' ? heard : (loaded as PromiseRejectedResult)).reason;
}
