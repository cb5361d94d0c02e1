/** Length of the n-grams that are looked up; longer matches are preferred among their occurrences. */
const GRAM = 2;
/** Occurrences that are compared at most, newest first. */
const MAX_CANDIDATES = 24;
/** Longer matches are not better. */
const MAX_MATCH = 12;

/**
 * Drafts by look-up (prompt lookup decoding; Yang et al., arXiv:2304.04487): answers about transcripts and pages quote
 * them, so what followed the last few tokens in the text that was read is a good guess.
 *
 * Holds the working set's text tokens and the answer so far; breaks keep matches from running over segment borders.
 *
 * @example
 * const index = new DraftIndex(segments.map((segment) => segment.ids));
 * index.push(token);                       // every token of question and answer, as it comes
 * const guess = index.draft(4);            // up to 4 token ids, possibly none
 */
export class DraftIndex {
  /** Texts one after the other, each followed by BREAK; then question and answer. */
  #tokens: Int32Array;
  #length = 0;
  /** For each position, the one before it at which the same n-gram ended. */
  #previous: Int32Array;
  /** n-gram → the last position at which it ended. */
  readonly #last = new Map<number, number>();

  constructor(texts: readonly ArrayLike<number>[]) {
    const size = texts.reduce((sum, text) => sum + text.length + 1, 0);
    this.#tokens = new Int32Array(size + 1024);
    this.#previous = new Int32Array(size + 1024);
    for (const text of texts) {
      for (let i = 0; i < text.length; i++) this.push(text[i]!);
      this.#append(BREAK);
    }
  }

  push(token: number): void {
    const at = this.#append(token);
    if (at < GRAM - 1 || this.#tokens[at - 1] === BREAK) return;
    const key = gramKey(this.#tokens[at - 1]!, token);
    this.#previous[at] = this.#last.get(key) ?? -1;
    this.#last.set(key, at);
  }

  /** The tokens that followed the longest earlier match of the newest ones; empty when there is none. */
  draft(count: number): number[] {
    const tokens = this.#tokens;
    const end = this.#length - 1;
    if (end < GRAM || tokens[end] === BREAK || tokens[end - 1] === BREAK) return [];
    let best = -1;
    let longest = 0;
    let candidate = this.#previous[end]!;
    for (let i = 0; i < MAX_CANDIDATES && candidate >= 0 && longest < MAX_MATCH; i++) {
      let match = GRAM;
      while (
        match < MAX_MATCH &&
        candidate - match >= 0 &&
        tokens[candidate - match] === tokens[end - match] &&
        tokens[end - match] !== BREAK
      )
        match++;
      if (match > longest && tokens[candidate + 1] !== BREAK) {
        longest = match;
        best = candidate;
      }
      candidate = this.#previous[candidate]!;
    }
    const draft: number[] = [];
    if (best < 0) return draft;
    for (let at = best + 1; at < this.#length && draft.length < count && tokens[at] !== BREAK; at++)
      draft.push(tokens[at]!);
    return draft;
  }

  #append(token: number): number {
    if (this.#length === this.#tokens.length) {
      this.#tokens = grown(this.#tokens);
      this.#previous = grown(this.#previous);
    }
    this.#previous[this.#length] = -1;
    this.#tokens[this.#length] = token;
    return this.#length++;
  }
}

const BREAK = -1;

/** Exact for ids below 2^26. */
const gramKey = (first: number, second: number): number => first * 2 ** 26 + second;

function grown(array: Int32Array): Int32Array {
  const larger = new Int32Array(array.length * 2);
  larger.set(array);
  return larger;
}
