const LONGEST = 16;
/** A piece of one or two tokens may be said thrice ("no, no, no"); longer ones hardly ever. */
const ALLOWED = (length: number): number => (length <= 2 ? 6 : length <= 4 ? 4 : 3);
/** For a text that never ended: it is under suspicion anyway. */
const UNENDED = (length: number): number => (length <= 2 ? 4 : 2);

/**
 * A decoder that lost the thread repeats itself until it is stopped. Returns how many tokens to keep (one copy of what
 * is repeated), or undefined when the end of the text is no loop.
 */
export function loopStart(tokens: readonly number[], allowed = ALLOWED): number | undefined {
  for (let length = 1; length <= LONGEST; length++) {
    const times = allowed(length);
    if (tokens.length < length * times) break;
    let same = true;
    for (let i = tokens.length - length * (times - 1); same && i < tokens.length; i++)
      same = tokens[i] === tokens[i - length];
    if (!same) continue;
    let start = tokens.length - length * times;
    while (start > 0 && tokens[start - 1] === tokens[start - 1 + length]) start--;
    return start + length;
  }
  return undefined;
}

/** The same for a text that was stopped at its limit: a shorter loop is enough, and its last copy may be cut off. */
export function unendedLoopStart(tokens: readonly number[]): number | undefined {
  for (let cut = 0; cut < LONGEST && cut < tokens.length; cut++) {
    const keep = loopStart(tokens.slice(0, tokens.length - cut), UNENDED);
    if (keep === undefined) continue;
    // What was cut off has to go on as the loop does.
    const length = loopLength(tokens.slice(0, tokens.length - cut), keep);
    const goesOn = tokens.slice(tokens.length - cut).every((id, i) => id === tokens[tokens.length - cut + i - length]);
    if (goesOn) return keep;
  }
  return undefined;
}

function loopLength(tokens: readonly number[], keep: number): number {
  for (let length = 1; length <= LONGEST; length++)
    if (tokens.slice(keep).every((id, i) => id === tokens[keep + i - length])) return length;
  return LONGEST;
}
