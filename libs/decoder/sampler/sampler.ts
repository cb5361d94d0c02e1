import { randomInt } from 'node:crypto';
import { type Sampling, TesseraError } from '#contracts';
import { Edits } from './edits.js';
import { logProbabilities, type RankedToken } from './log-probabilities.js';
import { Nucleus } from './nucleus.js';
import { TokenCounts } from './penalties.js';
import { seededRandom } from './seeded-random.js';
import { applyMask, argmaxWithin, type TokenMask } from './token-mask.js';

export interface Sampled {
  token: number;
  /** Present when `sampling.logprobs` asks for it: of the model's own distribution, before penalties and masks. */
  logprobs?: { logprob: number; top: RankedToken[] };
}

export interface SamplerOptions {
  vocabulary: number;
  /** Prompt tokens that the repetition penalty counts as seen. */
  prompt?: Iterable<number>;
}

/**
 * Chooses the next token of one sequence: penalties, bias, grammar mask, then greedy (temperature 0) or a seeded draw
 * after temperature, top-k, top-p and min-p. Keeps the sequence's token counts and random state.
 *
 * @example
 * const sampler = new Sampler(Sampling.parse(request.sampling), { vocabulary: 49_152 });
 * const { token } = sampler.sample(logits, grammar?.mask());
 */
export class Sampler {
  readonly #random: () => number;
  readonly #counts: TokenCounts;
  readonly #edits: Edits;
  /** Allocated when first needed: greedy sampling works on the logits as they are. */
  #scratch: Float32Array | undefined;
  #nucleus: Nucleus | undefined;

  /** @throws TesseraError `invalid_request` when the bias names a token outside the vocabulary */
  constructor(
    private readonly sampling: Sampling,
    private readonly options: SamplerOptions,
  ) {
    this.#random = seededRandom(sampling.seed ?? randomInt(2 ** 32));
    this.#counts = new TokenCounts(options.prompt);
    this.#edits = new Edits(sampling, options.vocabulary);
  }

  /**
   * @param logits [vocabulary], left unchanged
   * @param likeliest the lowest id of the largest logit, where that is known; -1 where one is not finite
   * @throws TesseraError `decoder_failed` when a logit is not finite, or the mask allows nothing
   */
  sample(logits: Float32Array, mask?: TokenMask, likeliest?: number): Sampled {
    const { sampling } = this;
    const raw = likeliest ?? likeliestOf(logits);
    if (raw < 0) throw notFinite();
    const token = sampling.temperature === 0 ? this.#greedy(logits, mask, raw) : this.#draw(logits, mask);
    if (token < 0)
      throw new TesseraError('decoder_failed', 'The constraint on the answer allows no token at this place.');
    this.#counts.add(token);
    return sampling.logprobs === undefined
      ? { token }
      : { token, logprobs: logProbabilities(logits, token, sampling.logprobs) };
  }

  /** @param raw the likeliest before anything is changed */
  #greedy(logits: Float32Array, mask: TokenMask | undefined, raw: number): number {
    return this.#edits.lend(logits, this.#counts, (edited) => {
      if (mask) return argmaxWithin(logits, mask);
      if (edited.includes(raw)) return likeliestOf(logits);
      return edited.reduce((best, token) => {
        const [x, most] = [logits[token]!, logits[best]!];
        return x > most || (x === most && token < best) ? token : best;
      }, raw);
    });
  }

  #draw(logits: Float32Array, mask: TokenMask | undefined): number {
    const edited = (this.#scratch ??= new Float32Array(this.options.vocabulary));
    edited.set(logits);
    this.#edits.apply(edited, this.#counts);
    if (mask) applyMask(edited, mask);
    return (this.#nucleus ??= new Nucleus(this.options.vocabulary)).draw(edited, this.sampling, this.#random());
  }
}

export const notFinite = (): TesseraError =>
  new TesseraError('decoder_failed', 'The model computed logits that are no finite numbers.');

/** The lowest id of the largest logit; -1 where one is no finite number. Four at a time: sums of one at a time would wait for each other. */
function likeliestOf(logits: Float32Array): number {
  let fault = 0;
  let best = -Infinity;
  let i = 0;
  let at = 0;
  for (; i + 4 <= logits.length; i += 4) {
    const a = logits[i]!;
    const b = logits[i + 1]!;
    const c = logits[i + 2]!;
    const d = logits[i + 3]!;
    fault += (a + b + c + d) * 0; // NaN as soon as one logit is NaN or infinite.
    if (a > best || b > best || c > best || d > best) {
      best = Math.max(a, b, c, d);
      at = i;
    }
  }
  for (; i < logits.length; i++) {
    fault += logits[i]! * 0;
    if (logits[i]! > best) {
      best = logits[i]!;
      at = i;
    }
  }
  if (fault !== 0) return -1;
  while (logits[at] !== best) at++;
  return at;
}
