import { PieceMerger } from './piece-merger.js';
import type { Pieces } from './pieces.js';

/** SentencePiece's mark for a space. */
const SPACE = '▁';
const BYTE = /^<0x([0-9A-F]{2})>$/;
/** llama.cpp's token types: what text may become. Control tokens and those not in use are not among them. */
const NORMAL = 1;
const USER_DEFINED = 4;
const BYTE_PIECE = 6;

/**
 * SentencePiece's BPE (Kudo and Richardson, 2018), as Llama 2 and Gemma have it: no words, a piece's score says how early it is made,
 * and a character that has no piece is written as its UTF-8 bytes.
 */
export class SentencePieces implements Pieces {
  private readonly ids = new Map<string, number>();
  private readonly byteIds: number[] = [];
  private readonly merger: PieceMerger;

  /** @param spacePrefix whether a text begins as if a space stood before it */
  constructor(
    private readonly vocabulary: readonly string[],
    scores: readonly number[],
    types: readonly number[],
    private readonly spacePrefix: boolean,
  ) {
    vocabulary.forEach((entry, id) => {
      const byte = types[id] === BYTE_PIECE ? BYTE.exec(entry) : null;
      if (byte) this.byteIds[parseInt(byte[1]!, 16)] = id;
      else if (types[id] === NORMAL || types[id] === USER_DEFINED) this.ids.set(entry, id);
    });
    // Two pieces of one score are made in the vocabulary's order; the merger wants whole numbers, the first made first.
    const made = [...vocabulary.keys()].sort((a, b) => scores[b]! - scores[a]! || a - b);
    const rankOf = new Uint32Array(vocabulary.length);
    made.forEach((id, rank) => (rankOf[id] = rank));
    this.merger = new PieceMerger((left, right) => {
      const id = this.ids.get(vocabulary[left]! + vocabulary[right]!);
      return id === undefined ? undefined : rankOf[id];
    }, made);
  }

  encode(text: string, first: boolean): number[] {
    if (text === '') return [];
    const spaced = (this.spacePrefix && first ? ` ${text}` : text).replaceAll(' ', SPACE);
    return this.merger.merge([...spaced].flatMap((character) => this.ids.get(character) ?? this.bytesAsIds(character)));
  }

  bytes(id: number): Uint8Array {
    const entry = this.vocabulary[id] ?? '';
    const byte = this.ids.has(entry) ? null : BYTE.exec(entry);
    return byte ? Uint8Array.of(parseInt(byte[1]!, 16)) : Buffer.from(this.name(entry));
  }

  name(entry: string): string {
    return entry.replaceAll(SPACE, ' ');
  }

  private bytesAsIds(character: string): number[] {
    return [...Buffer.from(character)].flatMap((byte) => this.byteIds[byte] ?? []);
  }
}
