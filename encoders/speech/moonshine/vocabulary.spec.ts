import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { Vocabulary } from './vocabulary.js';

const source = readFileSync(createRequire(import.meta.url).resolve('llama-tokenizer-js'), 'utf8');
const vocabulary = Vocabulary.parse(source);

describe('Vocabulary', () => {
  it('encodes as the tokenizer it was read from', async () => {
    const { default: reference } = (await import('llama-tokenizer-js' as string)) as {
      default: { encode(text: string, bos: boolean, space: boolean): number[] };
    };
    for (const text of ['Hello world', 'ComfyUI', 'Ask not what your country can do for you.', 'naïve café 東京 🙂'])
      expect(vocabulary.encode(text)).toEqual(reference.encode(text, false, true));
  });

  it('decodes what it encoded, bytes included', () => {
    for (const text of ['Hello, world.', 'naïve 🙂 done', 'a'])
      expect(vocabulary.decode(vocabulary.encode(text))).toBe(text);
  });

  it('gives no text to control tokens and to those it does not know', () => {
    expect(vocabulary.decode([1, 2, 32_500])).toBe('');
    expect(vocabulary.piece(1)).toBe('');
  });

  it('knows what ends a sentence', () => {
    expect(vocabulary.sentenceEnds).toContain(vocabulary.encode('.').at(-1));
  });

  it('refuses a file without the tables', () => {
    expect(() => Vocabulary.parse('nothing')).toThrow(/no vocabulary/);
  });
});
