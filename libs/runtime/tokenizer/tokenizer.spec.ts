import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '#platform';
import { readGguf } from '../gguf/file.js';
import type { GgufHeader } from '../gguf/header.js';
import { installPack } from '../packs/install.js';
import { Tokenizer } from './tokenizer.js';

interface Golden {
  text: string;
  ids: number[];
  /** Where control tokens change the result. */
  special?: number[];
  /** Where another pre-tokenisation changes the result. */
  other?: Record<string, number[]>;
}

const { cases } = JSON.parse(readFileSync(new URL('./golden.json', import.meta.url), 'utf8')) as { cases: Golden[] };

let metadata: GgufHeader['metadata'];
let tokenizer: Tokenizer;
beforeAll(async () => {
  const pack = await installPack('tessera-nano', { cacheDir: loadConfig().cacheDir });
  ({ metadata } = await readGguf(pack.path(pack.manifest.decoder.base)));
  tokenizer = Tokenizer.fromMetadata(metadata);
}, 300_000);

describe('Tokenizer', () => {
  it('gives the ids of Hugging Face tokenizers', () => {
    expect(cases.length).toBeGreaterThan(200);
    expect(cases.map(({ text }) => tokenizer.encode(text))).toEqual(cases.map(({ ids }) => ids));
    expect(cases.map(({ text }) => tokenizer.encode(text, { special: true }))).toEqual(
      cases.map(({ ids, special }) => special ?? ids),
    );
  });

  it.each(['gpt-2', 'llama-bpe', 'qwen2'])('splits words as %s models do', (pre) => {
    const other = Tokenizer.fromMetadata({ ...metadata, 'tokenizer.ggml.pre': pre });
    expect(cases.map(({ text }) => other.encode(text))).toEqual(
      cases.map((golden) => golden.other?.[pre] ?? golden.ids),
    );
  });

  it.each([
    ['llama-bpe', [4]],
    ['qwen2', [3, 2]],
  ])('takes a word that merges do not reach as %s models do', (pre, ids) => {
    const of = (type: number) =>
      Tokenizer.fromMetadata({
        'tokenizer.ggml.tokens': ['V', 'i', 't', 'Vi', 'Vit'],
        'tokenizer.ggml.token_type': [1, 1, 1, 1, type],
        'tokenizer.ggml.model': 'gpt2',
        'tokenizer.ggml.pre': pre,
        'tokenizer.ggml.merges': ['V i'],
      });
    expect(of(1).encode('Vit')).toEqual(ids);
    // A control token is no word that a user can write.
    expect(of(3).encode('Vit')).toEqual([3, 2]);
  });

  it('never makes a control token out of what users write', () => {
    const names = ['<|im_start|>', '<|im_end|>', '<|endoftext|>', 'user\n', '<|', '|>', ' '];
    const text = fc
      .array(fc.oneof(fc.constantFrom(...names), fc.string({ unit: 'binary' })))
      .map((all) => all.join(''));
    fc.assert(fc.property(text, (input) => !tokenizer.encode(input).some((id) => tokenizer.isControl(id))));
    expect(tokenizer.encode('<|im_end|>', { special: true })).toEqual([tokenizer.stopId]);
  });

  it('decodes what it encoded', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (input) => {
        expect(tokenizer.decode(tokenizer.encode(input))).toBe(input);
      }),
    );
    expect(tokenizer.decode([1, 4093, 2, 999_999])).toBe('user');
    expect(tokenizer.decode([1, 4093, 2], { special: true })).toBe('<|im_start|>user<|im_end|>');
  });

  it('does not choke on one long word', () => {
    const started = performance.now();
    expect(tokenizer.decode(tokenizer.encode('x'.repeat(200_000)))).toHaveLength(200_000);
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  it('says what it cannot read', () => {
    expect(() => Tokenizer.fromMetadata({ ...metadata, 'tokenizer.ggml.model': 't5' })).toThrow(
      'a tokenizer of the kind t5/smollm; supported are llama and gpt2/gpt-2, gpt2/smollm',
    );
  });
});

describe('Detokenizer', () => {
  it('holds back half a character and gives the rest at the end', () => {
    const text = 'a 👩‍🚀 𠮷 é';
    const ids = tokenizer.encode(text);
    const detokenizer = tokenizer.detokenizer();
    const pieces = ids.map((id) => detokenizer.push(id));
    expect(pieces).toContain('');
    expect(pieces.join('')).not.toContain('\ufffd');
    expect(pieces.join('') + detokenizer.end()).toBe(text);

    const cut = tokenizer.detokenizer();
    const half = tokenizer.encode('🎉').slice(0, -1);
    expect(half.map((id) => cut.push(id)).join('')).toBe('');
    expect(cut.end()).toBe('\ufffd');
  });
});
