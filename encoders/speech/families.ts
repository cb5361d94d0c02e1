import { TesseraError, type InstalledPack, type PackManifest } from '#contracts';
import { Moonshine } from './moonshine/moonshine.js';
import { Vocabulary } from './moonshine/vocabulary.js';
import type { SpeechModel, SpeechVocabulary } from './recognition.js';
import { WhisperVocabulary } from './whisper/vocabulary.js';
import { Whisper } from './whisper/whisper.js';

export interface ModelFiles {
  family: SpeechPart['family'];
  encoder: string;
  decoder: string;
  decoderWithPast?: string;
  generation: string;
  /** Where built graphs are kept. */
  graphs: string;
  threads: number;
}

type SpeechPart = NonNullable<PackManifest['speech']>;

interface Family {
  open(files: ModelFiles): Promise<SpeechModel>;
  parseVocabulary(source: string): SpeechVocabulary;
  /** Longest stretch that the model reads well (seconds). */
  maxLength: number;
  /** Takes a text that came before as it is; another gets its rare words as hot words. */
  takesPrompt: boolean;
  translates: boolean;
}

/** The families of speech models. */
export const FAMILIES: Record<SpeechPart['family'], Family> = {
  moonshine: {
    open: (files) => Moonshine.open(files),
    parseVocabulary: (source) => Vocabulary.parse(source),
    maxLength: 15,
    takesPrompt: false,
    translates: false,
  },
  whisper: {
    open: (files) => Whisper.open(files),
    parseVocabulary: (source) => WhisperVocabulary.parse(source),
    // Its encoder always reads thirty seconds, so long stretches cost no more than short ones.
    maxLength: 24,
    takesPrompt: true,
    translates: true,
  },
};

/** Where the files of a pack's speech model are. @throws TesseraError model_missing */
export function modelFiles(pack: InstalledPack, part: SpeechPart, graphs: string): ModelFiles {
  const { family, encoder, decoder, decoderWithPast, generation } = part;
  if (family === 'whisper' && generation === undefined)
    throw new TesseraError('model_missing', `The pack ${pack.manifest.name} names no generation_config.json.`);
  return {
    family,
    encoder: pack.path(encoder),
    decoder: pack.path(decoder),
    ...(decoderWithPast === undefined ? {} : { decoderWithPast: pack.path(decoderWithPast) }),
    generation: generation === undefined ? '' : pack.path(generation),
    graphs,
    threads: 1,
  };
}
