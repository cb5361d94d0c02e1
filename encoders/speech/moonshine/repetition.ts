const LONGEST = 16;
/** A piece of one or two tokens may be said thrice ("no, no, no"); longer ones hardly ever. */
const allowed = (length: number): number => (length <= 2 ? 6 : length <= 4 ? 4 : 3);

/**
 * A decoder that lost the thread repeats itself until it is stopped. Returns how many tokens to keep (one copy of what
 * is repeated), or undefined when the end of the text is no loop.
 */
export function loopStart(tokens: readonly number[]): number | undefined {
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
