import { randomInt } from 'node:crypto';
import { type Sampling, TesseraError } from '#contracts';
import { logProbabilities, type RankedToken } from './log-probabilities.js';
import { Nucleus } from './nucleus.js';
import { applyBias, applyOccurrencePenalties, applyRepetitionPenalty, TokenCounts } from './penalties.js';
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
  readonly #bias: ReadonlyMap<number, number>;
  readonly #edits: boolean;
  /** Allocated when first needed: plain greedy sampling works on the logits as they are. */
  #scratch: Float32Array | undefined;
  #nucleus: Nucleus | undefined;

  /** @throws TesseraError `invalid_request` when the bias names a token outside the vocabulary */
  constructor(
    private readonly sampling: Sampling,
    private readonly options: SamplerOptions,
  ) {
    this.#random = seededRandom(sampling.seed ?? randomInt(2 ** 32));
    this.#counts = new TokenCounts(options.prompt);
    this.#bias = parseBias(sampling.logitBias ?? {}, options.vocabulary);
    this.#edits =
      this.#bias.size > 0 ||
      sampling.repetitionPenalty !== 1 ||
      sampling.frequencyPenalty !== 0 ||
      sampling.presencePenalty !== 0;
  }

  /**
   * @param logits [vocabulary], left unchanged
   * @throws TesseraError `decoder_failed` when a logit is not finite, or the mask allows nothing
   */
  sample(logits: Float32Array, mask?: TokenMask): Sampled {
    const { sampling } = this;
    const greedy = argmaxOfFinite(logits);
    let token: number;
    if (sampling.temperature === 0 && !this.#edits) token = mask ? argmaxWithin(logits, mask) : greedy;
    else {
      const edited = this.#edit(logits);
      if (mask) applyMask(edited, mask);
      token =
        sampling.temperature === 0
          ? argmaxOf(edited)
          : (this.#nucleus ??= new Nucleus(this.options.vocabulary)).draw(edited, sampling, this.#random());
    }
    if (token < 0)
      throw new TesseraError('decoder_failed', 'The constraint on the answer allows no token at this place.');
    this.#counts.add(token);
    return sampling.logprobs === undefined
      ? { token }
      : { token, logprobs: logProbabilities(logits, token, sampling.logprobs) };
  }

  #edit(logits: Float32Array): Float32Array {
    const { sampling } = this;
    const edited = (this.#scratch ??= new Float32Array(this.options.vocabulary));
    edited.set(logits);
    applyRepetitionPenalty(edited, this.#counts, sampling.repetitionPenalty);
    applyOccurrencePenalties(edited, this.#counts, sampling.frequencyPenalty, sampling.presencePenalty);
    applyBias(edited, this.#bias);
    return edited;
  }
}

function argmaxOf(logits: Float32Array): number {
  let at = -1;
  let best = -Infinity;
  for (let i = 0; i < logits.length; i++)
    if (logits[i]! > best) {
      best = logits[i]!;
      at = i;
    }
  return at;
}

/** The lowest id of the largest logit. */
function argmaxOfFinite(logits: Float32Array): number {
  let fault = 0;
  let at = 0;
  let best = logits[0]!;
  for (let i = 0; i < logits.length; i++) {
    const x = logits[i]!;
    fault += x * 0; // NaN as soon as one logit is NaN or infinite.
    if (x > best) {
      best = x;
      at = i;
    }
  }
  if (fault !== 0) throw new TesseraError('decoder_failed', 'The model computed logits that are no finite numbers.');
  return at;
}

function parseBias(bias: Record<string, number>, vocabulary: number): ReadonlyMap<number, number> {
  return new Map(
    Object.entries(bias).map(([id, amount]) => {
      const token = Number(id);
      if (!Number.isInteger(token) || token < 0 || token >= vocabulary)
        throw new TesseraError(
          'invalid_request',
          `logit_bias names token '${id}'; ids go from 0 to ${vocabulary - 1}.`,
          {
            param: 'logit_bias',
          },
        );
      return [token, amount];
    }),
  );
}
