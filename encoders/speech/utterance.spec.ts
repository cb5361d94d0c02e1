import { describe, expect, it } from 'vitest';
import { Vocabulary } from './moonshine/vocabulary.js';
import { toUtterances } from './utterance.js';

const vocabulary = new Vocabulary(['<unk>', '<s>', '</s>', '▁Ask', '▁not', '.', '▁Wh', 'y', '?', '▁'], new Map());
const heard = (tokens: number[], extra: object = {}, logprob = -0.1) => ({
  start: 10,
  end: 14,
  confidence: 0.9,
  result: { tokens, logprobs: tokens.map(() => logprob), looped: false, ...extra },
});

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
