import { TesseraError } from '#contracts';
import type { SpeechVocabulary } from '../recognition.js';

const SPACE = '▁';
const UNKNOWN = 0;
const BYTE = /^<0x([0-9A-F]{2})>$/;

/**
 * Llama's SentencePiece vocabulary, which Moonshine shares (32,000 pieces; its 768 further tokens have no text).
 * The pack's file is the source of llama-tokenizer-js; its two tables are read as data, its code is not run.
 */
export class Vocabulary implements SpeechVocabulary {
  private readonly ids = new Map<string, number>();
  /** Tokens that end a sentence. */
  readonly sentenceEnds: number[];

  constructor(
    readonly pieces: readonly string[],
    /** "left right" (ids) → rank; lower merges first. */
    private readonly merges: ReadonlyMap<string, number>,
  ) {
    pieces.forEach((piece, id) => this.ids.set(piece, id));
    this.sentenceEnds = [...pieces.keys()].filter((id) => /[.?!]$/.test(pieces[id]!));
  }

  /** @throws TesseraError model_invalid when the tables are not in the text */
  static parse(source: string): Vocabulary {
    const table = (name: string) => new RegExp(`llama_${name} = "([A-Za-z0-9+/=]+)"`).exec(source)?.[1];
    const [pieces, merges] = [table('vocab_base64'), table('merges_binary')];
    if (!pieces || !merges) throw new TesseraError('model_invalid', 'The vocabulary file has no vocabulary in it.');
    const ranks = new Map<string, number>();
    const bytes = Buffer.from(merges, 'base64');
    for (let at = 0; at + 4 <= bytes.length; at += 4)
      ranks.set(`${bytes.readUInt16LE(at)} ${bytes.readUInt16LE(at + 2)}`, at);
    return new Vocabulary(Buffer.from(pieces, 'base64').toString('utf8').split('\n'), ranks);
  }

  /** Text of one token with its leading space; empty for control tokens. Bytes come as one Latin-1 character each. */
  piece(id: number): string {
    const piece = this.pieces[id] ?? '';
    if (id <= 2) return '';
    const byte = BYTE.exec(piece);
    return byte ? String.fromCharCode(Number.parseInt(byte[1]!, 16)) : piece.replaceAll(SPACE, ' ');
  }

  decode(ids: readonly number[]): string {
    const bytes: Buffer[] = ids.map((id) => {
      const byte = BYTE.exec(this.pieces[id] ?? '');
      return byte ? Buffer.from([Number.parseInt(byte[1]!, 16)]) : Buffer.from(this.piece(id), 'utf8');
    });
    return Buffer.concat(bytes).toString('utf8').trim();
  }

  /** Byte-pair encoding with a leading space, without control tokens. */
  encode(text: string): number[] {
    const ids = [...`${SPACE}${text.replaceAll(' ', SPACE)}`].flatMap((letter) => {
      const id = this.ids.get(letter);
      if (id !== undefined) return [id];
      return [...Buffer.from(letter, 'utf8')].map(
        (byte) => this.ids.get(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`) ?? UNKNOWN,
      );
    });
    for (;;) {
      let best = -1;
      let rank = Infinity;
      for (let i = 0; i + 1 < ids.length; i++) {
        const found = this.merges.get(`${ids[i]} ${ids[i + 1]}`);
        if (found === undefined || found >= rank) continue;
        rank = found;
        best = i;
      }
      if (best < 0) return ids;
      const merged = this.ids.get(this.pieces[ids[best]!]! + this.pieces[ids[best + 1]!]!);
      if (merged === undefined) return ids;
      ids.splice(best, 2, merged);
    }
  }
}
