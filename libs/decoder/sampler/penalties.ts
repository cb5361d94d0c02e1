/** How often each token has occurred, as penalties count it. */
export class TokenCounts {
  readonly #counts = new Map<number, number>();
  /** Tokens of the prompt count as seen (for the repetition penalty) but not as written (frequency, presence). */
  readonly #prompt: ReadonlySet<number>;

  constructor(prompt: Iterable<number> = []) {
    this.#prompt = new Set(prompt);
  }

  add(token: number): void {
    this.#counts.set(token, (this.#counts.get(token) ?? 0) + 1);
  }

  *seen(): Iterable<number> {
    yield* this.#counts.keys();
    for (const token of this.#prompt) if (!this.#counts.has(token)) yield token;
  }

  written(): Iterable<[token: number, count: number]> {
    return this.#counts;
  }
}

/** Divides positive logits of seen tokens and multiplies negative ones (CTRL, arXiv:1909.05858). 1 changes nothing. */
export function applyRepetitionPenalty(logits: Float32Array, counts: TokenCounts, penalty: number): void {
  if (penalty === 1) return;
  for (const token of counts.seen()) {
    const x = logits[token]!;
    logits[token] = x > 0 ? x / penalty : x * penalty;
  }
}

/** Subtracts `frequency` per occurrence and `presence` once from tokens already written, as OpenAI's API defines it. */
export function applyOccurrencePenalties(
  logits: Float32Array,
  counts: TokenCounts,
  frequency: number,
  presence: number,
): void {
  if (frequency === 0 && presence === 0) return;
  for (const [token, count] of counts.written()) logits[token]! -= frequency * count + presence;
}

/** Adds a bias to chosen tokens. */
export function applyBias(logits: Float32Array, bias: ReadonlyMap<number, number>): void {
  for (const [token, amount] of bias) logits[token]! += amount;
}
