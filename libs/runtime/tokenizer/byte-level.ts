import type { BytePairEncoder } from './byte-pair-encoder.js';
import type { Pieces } from './pieces.js';
import type { WordSplitter } from './pre-tokenizers.js';

/**
 * GPT-2's byte alphabet: a byte-level vocabulary writes every byte as one printable character, the printable ones of
 * Latin-1 as themselves and the rest as U+0100 and up, in order.
 */
const BYTE_OF = new Map<string, number>();
{
  const printable = (byte: number) => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
  let next = 256;
  for (let byte = 0; byte < 256; byte++) BYTE_OF.set(String.fromCharCode(printable(byte) ? byte : next++), byte);
}

/** Byte-level BPE, as GPT-2, Llama 3, SmolLM and Qwen have it: words first, pairs inside them. */
export class ByteLevelPieces implements Pieces {
  constructor(
    private readonly vocabulary: readonly string[],
    private readonly split: WordSplitter,
    private readonly bpe: BytePairEncoder,
  ) {}

  encode(text: string): number[] {
    return this.split(text).flatMap((word) => this.bpe.encode(word));
  }

  bytes(id: number): Uint8Array {
    return Uint8Array.from(this.vocabulary[id] ?? '', (character) => BYTE_OF.get(character) ?? 0x3f);
  }

  name(entry: string): string {
    return entry;
  }
}
