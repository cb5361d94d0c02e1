import fc from 'fast-check';
import { Sampling, type SamplingInput } from '#contracts';
import { describe, expect, it } from 'vitest';
import { logProbabilities } from './log-probabilities.js';
import { Sampler } from './sampler.js';
import { seededRandom } from './seeded-random.js';
import { allow, emptyMask } from './token-mask.js';

const VOCABULARY = 40;
const sampler = (sampling: SamplingInput, prompt?: number[]) =>
  new Sampler(Sampling.parse(sampling), { vocabulary: VOCABULARY, prompt });
const logits = (set: Record<number, number>) => Float32Array.from({ length: VOCABULARY }, (_, i) => set[i] ?? -1);
const run = (of: Sampler, xs: Float32Array, steps: number) => Array.from({ length: steps }, () => of.sample(xs).token);

describe('Sampler', () => {
  it('is greedy at temperature 0, the lowest id first among equals', () => {
    expect(sampler({}).sample(logits({ 7: 3, 30: 3 })).token).toBe(7);
  });

  it('gives the same tokens for the same seed, and others for another', () => {
    const xs = Float32Array.from({ length: VOCABULARY }, (_, i) => Math.sin(i));
    const of = (seed: number) => run(sampler({ temperature: 1, seed }), xs, 30);
    expect(of(5)).toEqual(of(5));
    expect(of(5)).not.toEqual(of(6));
    expect(of(1)).not.toEqual(of(1 + 2 ** 40));
  });

  it('applies the penalties as the OpenAI API and CTRL define them', () => {
    const xs = logits({ 1: 2, 2: 1.5, 3: 1.2 });
    expect(run(sampler({ presencePenalty: 1 }), xs, 4)).toEqual([1, 2, 3, 1]);
    expect(run(sampler({ frequencyPenalty: 0.6 }), xs, 4)).toEqual([1, 2, 1, 3]);
    expect(run(sampler({ repetitionPenalty: 2 }), xs, 3)).toEqual([1, 2, 3]);
    expect(run(sampler({ repetitionPenalty: 2 }, [1, 2]), xs, 1)).toEqual([3]);
    expect(xs).toEqual(logits({ 1: 2, 2: 1.5, 3: 1.2 }));
  });

  it('biases tokens, and refuses ones that do not exist', () => {
    expect(sampler({ logitBias: { '9': 10 } }).sample(logits({ 1: 2 })).token).toBe(9);
    expect(sampler({ logitBias: { '1': -100 } }).sample(logits({ 1: 2, 4: 0 })).token).toBe(4);
    for (const [bias, token] of [
      [1e300, 1],
      [-1e300, 4],
    ] as const)
      expect(sampler({ logitBias: { '1': bias } }).sample(logits({ 1: 2, 4: 0 })).token).toBe(token);
    for (const id of ['40', '-1', 'x', '1.5'])
      expect(() => sampler({ logitBias: { [id]: 1 } })).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });

  it('takes the likeliest after bias and penalties, and leaves the logits as they were', () => {
    const token = fc.nat(VOCABULARY - 1);
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -9, max: 9 }), { minLength: VOCABULARY - 3, maxLength: VOCABULARY }),
        fc.array(token),
        fc.dictionary(token.map(String), fc.integer({ min: -9, max: 9 })),
        fc.option(fc.array(token, { minLength: 1 }), { nil: undefined }),
        (values, prompt, logitBias, allowed) => {
          const xs = Float32Array.from(values);
          const bias = Object.entries(logitBias).filter(([id]) => Number(id) < xs.length);
          const edited = values.map((x, id) => {
            const penalised = prompt.includes(id) ? (x > 0 ? x / 2 : x * 2) : x;
            return penalised + (Object.fromEntries(bias)[id] ?? 0);
          });
          const mask = allowed && emptyMask(VOCABULARY);
          for (const id of allowed ?? []) if (mask && id < xs.length) allow(mask, id);
          const open = [...xs.keys()].filter((id) => !allowed || allowed.includes(id));
          fc.pre(open.length > 0);
          const best = Math.max(...open.map((id) => edited[id]!));
          const sampling = { repetitionPenalty: 2, logitBias: Object.fromEntries(bias) };
          const seen = prompt.filter((id) => id < xs.length);
          const wanted = open.find((id) => edited[id] === best);
          expect(sampler(sampling, seen).sample(xs, mask).token).toBe(wanted);
          const likeliest = values.indexOf(Math.max(...values));
          expect(sampler(sampling, seen).sample(xs, mask, likeliest).token).toBe(wanted);
          expect(xs).toEqual(Float32Array.from(values));
        },
      ),
    );
  });

  it('never leaves the mask', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(VOCABULARY - 1), { minLength: 1, maxLength: 6 }),
        fc.array(fc.double({ min: -50, max: 50, noNaN: true }), { minLength: VOCABULARY, maxLength: VOCABULARY }),
        fc.record({
          temperature: fc.constantFrom(0, 0.1, 1),
          topP: fc.constantFrom(0, 0.5, 1),
          topK: fc.constantFrom(0, 1, 5),
          minP: fc.constantFrom(0, 0.5),
          presencePenalty: fc.constantFrom(0, 1),
          seed: fc.nat(),
        }),
        (allowed, xs, sampling) => {
          const mask = emptyMask(VOCABULARY);
          for (const token of allowed) allow(mask, token);
          const of = sampler(sampling);
          for (let i = 0; i < 5; i++) expect(allowed).toContain(of.sample(Float32Array.from(xs), mask).token);
        },
      ),
    );
    for (const temperature of [0, 1])
      expect(() => sampler({ temperature }).sample(logits({}), emptyMask(VOCABULARY))).toThrow(
        expect.objectContaining({ code: 'decoder_failed' }),
      );
  });

  it('fails one sequence on logits that are no numbers', () => {
    for (const temperature of [0, 1])
      for (const bad of [NaN, Infinity, -Infinity])
        expect(() => sampler({ temperature }).sample(logits({ 3: bad }))).toThrow(
          expect.objectContaining({ code: 'decoder_failed' }),
        );
    expect(() => sampler({}).sample(logits({}), undefined, -1)).toThrow(
      expect.objectContaining({ code: 'decoder_failed' }),
    );
  });

  it('reports the log probabilities of the model, whatever was chosen', () => {
    const xs = logits({ 2: 4, 5: 3, 6: 3 });
    const { token, logprobs } = sampler({ logprobs: 3, logitBias: { '8': 100 } }).sample(xs);
    const normaliser = Math.log(xs.reduce((sum, x) => sum + Math.exp(x), 0));
    expect(token).toBe(8);
    expect(logprobs!.logprob).toBeCloseTo(-1 - normaliser, 6);
    expect(logprobs!.top.map((t) => t.token)).toEqual([2, 5, 6]);
    expect(logprobs!.top[0]!.logprob).toBeCloseTo(4 - normaliser, 6);
    expect(logProbabilities(xs, 2, 0).top).toEqual([]);
    expect(sampler({}).sample(xs).logprobs).toBeUndefined();
  });

  it('ranks alternatives like a full sort', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -5, max: 5 }), { minLength: 1 }), fc.nat(20), (xs, top) => {
        const order = [...xs.keys()].sort((a, b) => xs[b]! - xs[a]! || a - b).slice(0, top);
        expect(logProbabilities(Float32Array.from(xs), 0, top).top.map((t) => t.token)).toEqual(order);
      }),
    );
  });
});

it('seededRandom is uniform enough and fixed for ever', () => {
  const random = seededRandom(42);
  const xs = Array.from({ length: 10_000 }, random);
  expect(xs.every((x) => x >= 0 && x < 1)).toBe(true);
  expect(xs.reduce((a, b) => a + b) / xs.length).toBeCloseTo(0.5, 1);
  const buckets = new Array<number>(10).fill(0);
  for (const x of xs) buckets[Math.floor(x * 10)]!++;
  expect(Math.min(...buckets)).toBeGreaterThan(880);
  expect(xs.slice(0, 3).map((x) => x * 2 ** 32)).toMatchInlineSnapshot(`
    [
      660444221,
      3652823732,
      77672526,
    ]
  `);
});
