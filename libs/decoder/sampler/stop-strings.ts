/**
 * Finds stop strings in a stream of text pieces, wherever the pieces are cut. Text that may yet turn out to begin a
 * stop string is held back; the stop string itself is never shown (as in OpenAI's API).
 *
 * @example
 * const stop = new StopStrings(['\n\n']);
 * stop.push('one\n');  // { text: 'one', stopped: false }
 * stop.push('\ntwo');  // { text: '', stopped: true }
 * stop.end();          // what was held back when generation ended otherwise
 */
export class StopStrings {
  readonly #stops: readonly string[];
  #held = '';
  #stopped = false;

  constructor(stops: readonly string[]) {
    this.#stops = stops.filter((stop) => stop.length > 0);
  }

  push(piece: string): { text: string; stopped: boolean } {
    // A token that ends a stop string may begin what comes after it.
    if (this.#stopped) return { text: '', stopped: true };
    const pending = this.#held + piece;
    let first = Infinity;
    for (const stop of this.#stops) {
      const at = pending.indexOf(stop);
      if (at >= 0 && at < first) first = at;
    }
    if (first < Infinity) {
      this.#held = '';
      this.#stopped = true;
      return { text: pending.slice(0, first), stopped: true };
    }
    const safe = pending.length - this.#longestPartialMatch(pending);
    this.#held = pending.slice(safe);
    return { text: pending.slice(0, safe), stopped: false };
  }

  end(): string {
    const held = this.#held;
    this.#held = '';
    return held;
  }

  /** Length of the longest end of `text` that begins a stop string. */
  #longestPartialMatch(text: string): number {
    let longest = 0;
    for (const stop of this.#stops)
      for (let length = Math.min(stop.length - 1, text.length); length > longest; length--)
        if (text.endsWith(stop.slice(0, length))) longest = length;
    return longest;
  }
}
