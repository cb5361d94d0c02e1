import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Tokenizer } from './tokenizer.js';

interface Golden {
  tokens: string[];
  scores: number[];
  token_type: number[];
  add_space_prefix: boolean;
  cases: { text: string; ids: number[] }[];
}

const goldens = JSON.parse(readFileSync(new URL('./golden-sentencepiece.json', import.meta.url), 'utf8')) as Record<
  string,
  Golden
>;

describe.each(['gemma', 'llama'])('a SentencePiece vocabulary as that of %s', (name) => {
  const { cases, ...metadata } = goldens[name]!;
  const tokenizer = Tokenizer.fromMetadata({
    'tokenizer.ggml.model': 'llama',
    'tokenizer.ggml.eos_token_id': 1,
    ...Object.fromEntries(Object.entries(metadata).map(([key, value]) => [`tokenizer.ggml.${key}`, value])),
  });

  it('gives the ids of sentencepiece', () => {
    expect(cases.length).toBeGreaterThan(200);
    expect(cases.map(({ text }) => ({ text, ids: tokenizer.encode(text) }))).toEqual(cases);
  });

  it('decodes what it encoded, but for its mark of a space, which sentencepiece takes for one', () => {
    const prefix = metadata.add_space_prefix ? ' ' : '';
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (text) => {
        expect(tokenizer.decode(tokenizer.encode(text))).toBe(prefix + text.replaceAll('▁', ' '));
      }),
      { examples: [['▁ ']] },
    );
  });

  it('makes control tokens of nothing but templates', () => {
    const text = '<start_of_turn>user\nHi<end_of_turn>';
    expect(tokenizer.encode(text).some((id) => tokenizer.isControl(id))).toBe(false);
    const ids = tokenizer.encode(text, { special: true });
    expect([ids[0], ids.at(-1)].map((id) => tokenizer.isControl(id!))).toEqual([true, true]);
    expect(tokenizer.decode(ids, { special: true })).toBe(text);
  });
});
