export interface DraftCosts {
  /** Milliseconds of a decode step of one token. */
  step: number;
  /** What a step that checks a draft begins with, and what each token of the draft adds. */
  checking: number;
  token: number;
}

/** Weight of the newest outcome in the running acceptance rate. */
const NEWEST = 0.15;
/** Tokens after which drafting is tried again when it did not pay. */
const RETRY = 48;

/**
 * How many tokens to draft: as many as pay, by the share of drafted tokens that were accepted so far. Drafting stops
 * where verifying costs more than it saves, and is tried again now and then, since texts change character.
 *
 * @example
 * const length = new DraftLength({ step: 8, checking: 10, token: 1.8 }, 8);
 * const draft = index.draft(length.next());
 * // ... verify in one step ...
 * length.outcome(draft.length, accepted);
 */
export class DraftLength {
  /** Optimistic at first: the first draft decides little. */
  #acceptance = 0.75;
  #untilRetry = 0;

  constructor(
    private readonly costs: DraftCosts,
    private readonly most: number,
  ) {}

  get acceptance(): number {
    return this.#acceptance;
  }

  /** Tokens to draft for the next step; 0 where it does not pay. */
  next(): number {
    const best = bestLength(this.#acceptance, this.costs, this.most);
    if (best > 0) return best;
    if (--this.#untilRetry > 0) return 0;
    this.#untilRetry = RETRY;
    return Math.min(2, this.most);
  }

  /** @param accepted how many of the `drafted` tokens the model would have chosen itself */
  outcome(drafted: number, accepted: number): void {
    // Tokens after the first refused one were not judged.
    const judged = Math.min(drafted, accepted + 1);
    for (let i = 0; i < judged; i++) this.#acceptance += NEWEST * ((i < accepted ? 1 : 0) - this.#acceptance);
  }
}

/** The length that gives the most tokens a millisecond when each token is accepted with probability `p`. */
function bestLength(p: number, { step, checking, token }: DraftCosts, most: number): number {
  let best = 0;
  let bestRate = 1 / step;
  let expected = 1;
  for (let length = 1, chance = p; length <= most; length++, chance *= p) {
    expected += chance;
    const rate = expected / (checking + length * token);
    // A gain of under 5 % is noise.
    if (rate > bestRate * 1.05) {
      bestRate = rate;
      best = length;
    }
  }
  return best;
}
