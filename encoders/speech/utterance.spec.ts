import { describe, expect, it } from 'vitest';
import { Vocabulary } from './moonshine/vocabulary.js';
import type { SpeechVocabulary } from './recognition.js';
import { toUtterances } from './utterance.js';

const vocabulary = new Vocabulary(['<unk>', '<s>', '</s>', '▁Ask', '▁not', '.', '▁Wh', 'y', '?', '▁'], new Map());
const heard = (tokens: number[], extra: object = {}, logprob = -0.1) => ({
  start: 10,
  end: 14,
  confidence: 0.9,
  result: { tokens, logprobs: tokens.map(() => logprob), looped: false, ...extra },
});

/** A byte-level vocabulary, as Whisper's. */
const bytes = (pieces: readonly (string | Buffer)[]): SpeechVocabulary => ({
  sentenceEnds: [],
  piece: (id) => Buffer.from(pieces[id]!).toString(),
  decode: (ids) =>
    Buffer.concat(ids.map((id) => Buffer.from(pieces[id]!)))
      .toString()
      .trim(),
  encode: () => [],
});
/** Each token once, a quarter of a second long. */
const spoken = (pieces: readonly unknown[]): [number[], object] => [
  pieces.map((_, i) => i),
  { starts: pieces.map((_, i) => 4_000 * i) },
];

describe('toUtterances', () => {
  it('makes one utterance of a sentence', () => {
    expect(toUtterances(heard([3, 4, 5]), vocabulary, false)).toEqual([
      {
        ...{ start: 10, end: 14, text: 'Ask not.', tokens: [3, 4, 5] },
        ...{ avgLogprob: expect.closeTo(-0.1), noSpeechProb: expect.closeTo(0.1) },
      },
    ]);
  });

  it('splits sentences where their tokens were heard, with words on request', () => {
    const starts = { starts: [0, 8_000, 16_000, 24_000, 32_000, 40_000] };
    const found = toUtterances(heard([3, 4, 5, 6, 7, 8], starts), vocabulary, true);
    expect(found.map(({ start, end, text }) => [start, end, text])).toEqual([
      [10, 11.5, 'Ask not.'],
      [11.5, 14, 'Why?'],
    ]);
    expect(found.map(({ tokens }) => tokens)).toEqual([
      [3, 4, 5],
      [6, 7, 8],
    ]);
    expect(found[0]!.words).toEqual([
      { word: 'Ask', start: 10, end: 10.5 },
      { word: 'not.', start: 10.5, end: 11.5 },
    ]);
  });

  it.each([
    ['Chinese', '今天|天气|好|。|我们|去|公园|！', '今天 天气 好。 我们 去 公园！'],
    ['marks that open and close', '他|说|：「|猫|」|是|吗|？|」', '他 说：「猫」 是 吗？」'],
    ['Japanese, with a mark of length', '東京|タ|ワ|ー|佐|々|木', '東京 タ ワー 佐々 木'],
    ['Thai, with vowel signs', 'สว|ั|สด|ี', 'สวั สดี'],
    ['words of other scripts between', ' I|Phone|と| i|Pad|2|は| good|.', 'IPhone と iPad2 は good.'],
    ['words with spaces', ' Gu|ten| Tag|,| na|ï|ve|.', 'Guten Tag, naïve.'],
  ])('tells words of languages without spaces: %s', (_what, pieces, expected) => {
    const found = toUtterances(heard(...spoken(pieces.split('|'))), bytes(pieces.split('|')), true);
    expect(found.flatMap(({ words = [] }) => words.map(({ word }) => word)).join(' ')).toBe(expected);
    expect(
      found
        .map(({ text }) => text)
        .join('')
        .replaceAll(' ', ''),
    ).toBe(pieces.replaceAll(/[| ]/g, ''));
  });

  it('ends sentences of languages without spaces, and puts none between their words', () => {
    const pieces = '今天|天气|好|。|我们|去| OK|公园|。'.split('|');
    const found = toUtterances(heard(...spoken(pieces)), bytes(pieces), true);
    expect(found.map(({ start, end, text }) => [start, end, text])).toEqual([
      [10, 11, '今天天气好。'],
      [11, 14, '我们去 OK公园。'],
    ]);
  });

  it('keeps the bytes of one character together', () => {
    const pieces = [
      Buffer.from('天').subarray(0, 2),
      Buffer.from('天').subarray(2),
      '气',
      ' caf',
      Buffer.of(0xc3),
      Buffer.of(0xa9),
    ];
    const [only] = toUtterances(heard(...spoken(pieces)), bytes(pieces), true);
    expect(only!.words!.map(({ word }) => word)).toEqual(['天', '气', 'café']);
  });

  it('tells times to the millisecond', () => {
    const [only] = toUtterances(heard([3, 4], { starts: [0, 1_001] }), vocabulary, true);
    expect(only!.words!.map(({ start, end }) => [start, end])).toEqual([
      [10, 10.063],
      [10.063, 14],
    ]);
  });

  it('drops what is no text and what nobody would be sure of', () => {
    expect(toUtterances(heard([5]), vocabulary, false)).toEqual([]);
    expect(toUtterances(heard([3, 4], {}, -1.5), vocabulary, false)).toEqual([]);
    expect(toUtterances({ ...heard([3, 4], {}, -0.9), confidence: 0.5 }, vocabulary, false)).toEqual([]);
    expect(toUtterances(heard([]), vocabulary, false)).toEqual([]);
  });
});
