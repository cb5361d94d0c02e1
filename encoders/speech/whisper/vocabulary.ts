import { Tokenizer } from '#runtime';
import type { SpeechVocabulary } from '../recognition.js';

/** Whisper's byte-level vocabulary, from its tokenizer.json. */
export class WhisperVocabulary implements SpeechVocabulary {
  readonly sentenceEnds: number[];

  constructor(private readonly tokenizer: Tokenizer) {
    this.sentenceEnds = Array.from({ length: tokenizer.size }, (_, id) => id).filter((id) =>
      /[.?!。？！]$/.test(this.piece(id)),
    );
  }

  /** @throws TesseraError model_invalid when the text is no tokenizer.json of byte-level BPE */
  static parse(source: string): WhisperVocabulary {
    return new WhisperVocabulary(Tokenizer.fromJson(source));
  }

  piece(id: number): string {
    return this.tokenizer.isControl(id) ? '' : this.tokenizer.decode([id]);
  }

  decode(ids: readonly number[]): string {
    return this.tokenizer.decode(ids).trim();
  }

  encode(text: string): number[] {
    return this.tokenizer.encode(` ${text.trim()}`);
  }
}
