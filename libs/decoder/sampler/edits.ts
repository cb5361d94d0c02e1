import { TesseraError, type Sampling } from '#contracts';
import { applyBias, applyOccurrencePenalties, applyRepetitionPenalty, type TokenCounts } from './penalties.js';

/** What a request changes about logits: penalties for tokens that were seen, and a bias. */
export class Edits {
  /** False: nothing is ever changed. */
  readonly any: boolean;
  readonly #bias: ReadonlyMap<number, number>;

  /** @throws TesseraError `invalid_request` when the bias names a token outside the vocabulary */
  constructor(
    private readonly sampling: Sampling,
    vocabulary: number,
  ) {
    this.#bias = parseBias(sampling.logitBias ?? {}, vocabulary);
    this.any =
      this.#bias.size > 0 ||
      sampling.repetitionPenalty !== 1 ||
      sampling.frequencyPenalty !== 0 ||
      sampling.presencePenalty !== 0;
  }

  apply(logits: Float32Array, counts: TokenCounts): void {
    const { sampling } = this;
    applyRepetitionPenalty(logits, counts, sampling.repetitionPenalty);
    applyOccurrencePenalties(logits, counts, sampling.frequencyPenalty, sampling.presencePenalty);
    applyBias(logits, this.#bias);
  }

  /**
   * Lends the changed logits, and which were changed. Few are: they get their own back, which costs less than a copy of all.
   * @param logits [vocabulary], afterwards as before
   */
  lend<T>(logits: Float32Array, counts: TokenCounts, work: (edited: readonly number[]) => T): T {
    if (!this.any) return work([]);
    const edited = [...this.#bias.keys(), ...counts.seen()];
    const own = edited.map((token) => logits[token]!);
    this.apply(logits, counts);
    // However large a bias, a logit stays a number.
    for (const token of edited) logits[token] = Math.max(-LARGEST, Math.min(LARGEST, logits[token]!));
    try {
      return work(edited);
    } finally {
      edited.forEach((token, i) => (logits[token] = own[i]!));
    }
  }
}

/** About what float32 holds. */
const LARGEST = 3e38;

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
