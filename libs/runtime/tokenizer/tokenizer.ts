import { z } from 'zod';
import { TesseraError } from '#contracts';
import { readGguf } from '../gguf/file.js';
import type { GgufHeader } from '../gguf/header.js';
import { ByteLevelPieces } from './byte-level.js';
import { BytePairEncoder } from './byte-pair-encoder.js';
import { Detokenizer } from './detokenizer.js';
import type { Pieces } from './pieces.js';
import { PRE_TOKENIZATIONS, wordSplitter } from './pre-tokenizers.js';
import { SentencePieces } from './sentence-pieces.js';

/** llama.cpp's token types that matter here. */
const CONTROL = 3;
const USER_DEFINED = 4;

const TokenizerFile = z.object({
  model: z.object({
    type: z.literal('BPE').optional(),
    vocab: z.record(z.string(), z.number().int()),
    merges: z.array(z.union([z.string(), z.tuple([z.string(), z.string()])])),
  }),
  added_tokens: z.array(z.object({ id: z.number().int(), content: z.string() })),
});

/**
 * The tokenizer of a decoder base, from the vocabulary in its own GGUF file: byte-level BPE or SentencePiece's.
 * Control tokens such as `<|im_start|>` are met in text only where `special` says so, so that what users write can
 * never open or close a turn.
 */
export class Tokenizer {
  private readonly bytes: (Uint8Array | undefined)[] = [];
  private readonly ids: ReadonlyMap<string, number>;
  private readonly control: ReadonlySet<number>;
  private readonly always: RegExp | undefined;
  private readonly withControl: RegExp | undefined;

  /** @param stopId the token that ends an answer (`tokenizer.ggml.eos_token_id`) */
  constructor(
    private readonly vocabulary: readonly string[],
    types: readonly number[],
    private readonly pieces: Pieces,
    readonly stopId: number,
  ) {
    const whole = [...vocabulary.entries()]
      .filter(([id]) => types[id] === CONTROL || types[id] === USER_DEFINED)
      .map(([id, entry]) => [id, pieces.name(entry)] as const);
    this.ids = new Map(whole.map(([id, text]) => [text, id]));
    this.control = new Set(whole.flatMap(([id]) => (types[id] === CONTROL ? [id] : [])));
    this.always = matcher(whole.filter(([id]) => !this.control.has(id)).map(([, text]) => text));
    this.withControl = matcher(whole.map(([, text]) => text));
  }

  /** @throws TesseraError `model_invalid` for a vocabulary of another kind */
  static async fromGguf(file: string): Promise<Tokenizer> {
    return Tokenizer.fromMetadata((await readGguf(file)).metadata);
  }

  static fromMetadata(metadata: GgufHeader['metadata']): Tokenizer {
    const get = <T>(key: string) => metadata[`tokenizer.ggml.${key}`] as T | undefined;
    const [tokens, types] = [get<string[]>('tokens'), get<number[]>('token_type') ?? []];
    const [model, pre] = [get<string>('model'), get<string>('pre') ?? 'gpt-2'];
    const stopId = Number(get<number>('eos_token_id') ?? -1);
    const [merges, scores, rules] = [get<string[]>('merges'), get<number[]>('scores'), PRE_TOKENIZATIONS[pre]];
    if (model === 'gpt2' && rules && tokens && merges) {
      const isWord = (id: number): boolean => rules.wholeWords === true && types[id] !== CONTROL;
      const pieces = new ByteLevelPieces(tokens, wordSplitter(rules), new BytePairEncoder(tokens, merges, isWord));
      return new Tokenizer(tokens, types, pieces, stopId);
    }
    if (model === 'llama' && tokens && scores) {
      const pieces = new SentencePieces(tokens, scores, types, get<boolean>('add_space_prefix') ?? true);
      return new Tokenizer(tokens, types, pieces, stopId);
    }
    throw new TesseraError(
      'model_invalid',
      `The base model has a tokenizer of the kind ${model}/${pre}; supported are llama and gpt2/${Object.keys(PRE_TOKENIZATIONS).join(', gpt2/')}.`,
    );
  }

  /**
   * From the tokenizer.json of a byte-level BPE that splits words as GPT-2 does, such as Whisper's. Every added token is a
   * control token.
   * @throws TesseraError `model_invalid` for another kind
   */
  static fromJson(text: string): Tokenizer {
    const { data } = TokenizerFile.safeParse(JSON.parse(text));
    if (!data) throw new TesseraError('model_invalid', 'The tokenizer.json is not that of a byte-level BPE.');
    const { model, added_tokens } = data;
    const tokens: string[] = [];
    for (const [entry, id] of Object.entries(model.vocab)) tokens[id] = entry;
    const types: number[] = [];
    for (const { id, content } of added_tokens) [tokens[id], types[id]] = [content, CONTROL];
    const merges = model.merges.map((merge) => (typeof merge === 'string' ? merge : merge.join(' ')));
    const whole = Array.from(tokens, (entry) => entry ?? '');
    const split = wordSplitter(PRE_TOKENIZATIONS['gpt-2']!);
    return new Tokenizer(whole, types, new ByteLevelPieces(whole, split, new BytePairEncoder(whole, merges)), -1);
  }

  /** Number of tokens in the vocabulary. */
  get size(): number {
    return this.vocabulary.length;
  }

  encode(text: string, { special = false }: { special?: boolean } = {}): number[] {
    const pattern = special ? this.withControl : this.always;
    if (!pattern) return this.pieces.encode(text, true);
    return text.split(pattern).flatMap((piece, at) => {
      if (piece === '') return [];
      const id = pattern.test(piece) ? this.ids.get(piece) : undefined;
      return id === undefined ? this.pieces.encode(piece, at === 0) : [id];
    });
  }

  /** Control tokens are left out unless `special`; bytes that are no UTF-8 become U+FFFD. */
  decode(ids: readonly number[], options: { special?: boolean } = {}): string {
    const detokenizer = this.detokenizer(options);
    return ids.map((id) => detokenizer.push(id)).join('') + detokenizer.end();
  }

  /** A {@link Detokenizer} for one answer. */
  detokenizer({ special = false }: { special?: boolean } = {}): Detokenizer {
    return new Detokenizer((id) => (special || !this.control.has(id) ? this.tokenBytes(id) : new Uint8Array()));
  }

  /** The bytes of a token; those of a control token are its name. Empty for an id outside the vocabulary. */
  tokenBytes(id: number): Uint8Array {
    return (this.bytes[id] ??= this.readBytes(id));
  }

  private readBytes(id: number): Uint8Array {
    const name = this.pieces.name(this.vocabulary[id] ?? '');
    return this.ids.get(name) === id ? Buffer.from(name) : this.pieces.bytes(id);
  }

  /** True for tokens that steer the model and are no text, such as `<|im_end|>`. */
  isControl(id: number): boolean {
    return this.control.has(id);
  }

  /** The id of a control or user-defined token by its text. */
  tokenId(text: string): number | undefined {
    return this.ids.get(text);
  }
}

/** Splits text at any of these, keeping them; of two that match at one place, the longer. */
function matcher(texts: string[]): RegExp | undefined {
  if (texts.length === 0) return undefined;
  const sorted = [...texts].sort((a, b) => b.length - a.length);
  return new RegExp(`(${sorted.map((text) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|')})`);
}
