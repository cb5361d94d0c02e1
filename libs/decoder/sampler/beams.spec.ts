import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Sampling, type SamplingInput } from '#contracts';
import { Beams } from './beams.js';
import { logProbabilities } from './log-probabilities.js';

const [VOCABULARY, STOP, START] = [4, 0, 1];
type Table = number[][];

/** Writes to the end; the logits of a token depend on the one before alone. */
function written(table: Table, sampling: SamplingInput): readonly number[] {
  const beams = new Beams(Sampling.parse(sampling), { vocabulary: VOCABULARY, stopId: STOP });
  const after = (token: number): Float32Array => Float32Array.from(table[token]!);
  let answers: number[][] = [[]];
  for (let from = beams.advance([after(START)]); from.length > 0;) {
    answers = from.map((at, i) => [...answers[at]!, beams.last[i]!]);
    from = beams.advance(answers.map((tokens) => after(tokens.at(-1)!)));
  }
  return beams.best;
}

/** All answers of at most so many tokens, with the mean log-probability of their tokens. */
function every(table: Table, most: number): { tokens: number[]; mean: number }[] {
  const grow = (tokens: number[], score: number): { tokens: number[]; mean: number }[] => {
    if (tokens.length === most || tokens.at(-1) === STOP) return [{ tokens, mean: score / tokens.length }];
    const logits = Float32Array.from(table[tokens.at(-1) ?? START]!);
    return [0, 1, 2, 3].flatMap((token) =>
      grow([...tokens, token], score + logProbabilities(logits, token, 0).logprob),
    );
  };
  return grow([], 0);
}

const tables = fc.array(fc.array(fc.double({ min: -4, max: 4, noNaN: true }), { minLength: 4, maxLength: 4 }), {
  minLength: 4,
  maxLength: 4,
});

describe('Beams', () => {
  it('are one greedy answer where there is one', () => {
    fc.assert(
      fc.property(tables, (table) => {
        const greedy: number[] = [];
        while (greedy.length < 6 && greedy.at(-1) !== STOP) {
          const row = Array.from(Float32Array.from(table[greedy.at(-1) ?? START]!));
          greedy.push(row.indexOf(Math.max(...row)));
        }
        expect(written(table, { beams: 1, maxTokens: 6 })).toEqual(greedy);
      }),
    );
  });

  it('find the likeliest of all answers, unless its beginning was not likely enough', () => {
    fc.assert(
      fc.property(tables, (table) => {
        const all = every(table, 2);
        const best = all.reduce((most, each) => (each.mean > most.mean ? each : most));
        const found = all.find(({ tokens }) => tokens.join() === written(table, { beams: 8, maxTokens: 2 }).join())!;
        // Of thirteen answers eight are written: the stop token alone, and of the others the seven whose sums are largest.
        const sums = all.map(({ tokens, mean }) => mean * tokens.length).sort((a, b) => b - a);
        if (best.mean * best.tokens.length >= sums[6]!) expect(found.mean).toBeCloseTo(best.mean, 6);
      }),
    );
  });

  it('take back a first token that leads nowhere', () => {
    // Greedily 1, then nothing good; 2 is followed by a certain end.
    const table = [
      [0, 0, 0, 0],
      [-9, 1, 0.9, -9],
      [9, 0, 0, 0],
      [0, 0, 0, 0],
    ];
    expect(written(table, { beams: 1, maxTokens: 3 })).toEqual([1, 1, 1]);
    expect(written(table, { beams: 2, maxTokens: 3 })).toEqual([2, STOP]);
  });

  it('count penalties for each by what it has written, and leave logits as they are', () => {
    const table = [
      [0, 0, 0, 0],
      [-9, 3, 2, 1],
      [-9, 2, 2.5, 1],
      [5, 0, 0, 0],
    ];
    expect(written(table, { beams: 2, maxTokens: 3, presencePenalty: 2 })).toEqual([1, 2, 3]);
    expect(table[1]).toEqual([-9, 3, 2, 1]);
  });

  it('refuse logits that are no numbers', () => {
    const beams = new Beams(Sampling.parse({ beams: 2 }), { vocabulary: VOCABULARY, stopId: STOP });
    expect(() => beams.advance([Float32Array.of(0, 1, NaN, 0)])).toThrow('no finite numbers');
  });
});
