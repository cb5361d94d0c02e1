import type { Sampling } from '#contracts';
import { Edits } from './edits.js';
import { logProbabilities, type RankedToken } from './log-probabilities.js';
import { TokenCounts } from './penalties.js';
import { notFinite, type SamplerOptions } from './sampler.js';

export interface BeamsOptions extends SamplerOptions {
  /** Ends an answer. */
  stopId: number;
}

/** An answer, or the beginning of one. */
interface Begun {
  tokens: readonly number[];
  /** Sum of the tokens' log-probabilities, after penalties and bias. */
  score: number;
}

/**
 * Answers that are written side by side: in each step the likeliest continuations of all of them go on, up to `sampling.beams` together with
 * those that have ended. Decides only; whoever computes logits follows with what it holds of each.
 *
 * @example
 * const beams = new Beams(Sampling.parse({ beams: 2 }), { vocabulary: 49_152, stopId: 2 });
 * let logits = [first];
 * for (let from = beams.advance(logits); from.length > 0; from = beams.advance(logits)) logits = compute(from, beams.last);
 * beams.best;
 */
export class Beams {
  readonly #edits: Edits;
  readonly #ended: Begun[] = [];
  #going: Begun[] = [{ tokens: [], score: 0 }];

  /** @throws TesseraError `invalid_request` when the bias names a token outside the vocabulary */
  constructor(
    private readonly sampling: Sampling,
    private readonly options: BeamsOptions,
  ) {
    this.#edits = new Edits(sampling, options.vocabulary);
  }

  /** The last tokens of those that go on. */
  get last(): number[] {
    return this.#going.map(({ tokens }) => tokens.at(-1)!);
  }

  /** The tokens of the answer whose tokens are likeliest in the mean, the stop token included where it came. */
  get best(): readonly number[] {
    const mean = ({ tokens, score }: Begun): number => score / tokens.length;
    return this.#ended.reduce((best, each) => (mean(each) > mean(best) ? each : best)).tokens;
  }

  /**
   * Takes the next step.
   * @param logits [vocabulary] of each that goes on, left unchanged
   * @returns which of those each one continues that goes on now; none when all have ended
   * @throws TesseraError `decoder_failed` when a logit is not finite
   */
  advance(logits: readonly Float32Array[]): number[] {
    const { beams, maxTokens } = this.sampling;
    const continued = this.#going
      .flatMap((begun, from) => this.#continue(begun, logits[from]!).map((next) => ({ ...next, from })))
      .sort((a, b) => b.score - a.score);
    const going: (Begun & { from: number })[] = [];
    for (const next of continued) {
      if (going.length + this.#ended.length >= beams) break;
      const ends = next.tokens.at(-1) === this.options.stopId || next.tokens.length >= maxTokens;
      if (ends) this.#ended.push(next);
      else going.push(next);
    }
    this.#going = going;
    return going.map(({ from }) => from);
  }

  /** Its likeliest continuations: as many as go on, and one more, since one may be an end. */
  #continue({ tokens, score }: Begun, logits: Float32Array): Begun[] {
    const counts = new TokenCounts(this.options.prompt);
    for (const token of tokens) counts.add(token);
    const likeliest = (): RankedToken[] => logProbabilities(logits, 0, this.sampling.beams + 1).top;
    return this.#edits.lend(logits, counts, likeliest).map(({ token, logprob }) => {
      if (!Number.isFinite(logprob)) throw notFinite();
      return { tokens: [...tokens, token], score: score + logprob };
    });
  }
}
