import { Tokenizer } from '@huggingface/tokenizers';

/** The part of a tokenizer.json that a GGUF file only names (`tokenizer.ggml.pre`). */
export interface PreTokenization {
  pre_tokenizer: object;
  normalizer: object | null;
  /** A word that the vocabulary has is that token, whether or not merges lead to it (`ignore_merges`). */
  wholeWords?: boolean;
}

const byteLevel = (use_regex: boolean) => ({ type: 'ByteLevel', add_prefix_space: false, use_regex });

/** Cut around each match of a pattern, then bytes. */
const split = (Regex: string, use_regex: boolean): object => ({
  type: 'Sequence',
  pretokenizers: [{ type: 'Split', pattern: { Regex }, behavior: 'Isolated', invert: false }, byteLevel(use_regex)],
});

const words = (digits: string) =>
  `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;

/** By llama.cpp's name. Each row is checked against Hugging Face's `tokenizers` (golden.json). */
export const PRE_TOKENIZATIONS: Readonly<Record<string, PreTokenization>> = {
  'gpt-2': { pre_tokenizer: byteLevel(true), normalizer: null },
  // `Digits` of the reference, which counts ² and ½ as digits; that of @huggingface/tokenizers knows 0 to 9 only.
  smollm: { pre_tokenizer: split('\\p{N}', true), normalizer: null },
  'llama-bpe': { pre_tokenizer: split(words('\\p{N}{1,3}'), false), normalizer: null, wholeWords: true },
  qwen2: { pre_tokenizer: split(words('\\p{N}'), false), normalizer: { type: 'NFC' } },
};

/** Text → words in the byte alphabet. */
export type WordSplitter = (text: string) => string[];

/**
 * Normalisation and word splitting are those of @huggingface/tokenizers, which translates the patterns into JavaScript's
 * dialect. Merging is ours (./byte-pair-encoder.ts): theirs needs 0.2 s to take in a vocabulary.
 */
export function wordSplitter(rules: PreTokenization): WordSplitter {
  const model = { type: 'BPE', vocab: {}, merges: [] };
  const { normalizer, pre_tokenizer } = new Tokenizer(
    { ...rules, model, post_processor: null, decoder: null, added_tokens: [] },
    {},
  );
  return (text) => pre_tokenizer!.pre_tokenize(normalizer ? normalizer.normalize(text) : text);
}
