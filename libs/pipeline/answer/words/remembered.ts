/** More than the words of any one medium; beyond it all is forgotten, so that no stream of material makes it grow. */
const MOST = 1 << 16;

/** A pure function of words, which recur: what was found for one is not found again. */
export function remembered<Found>(find: (word: string) => Found, most = MOST): (word: string) => Found {
  const known = new Map<string, Found>();
  return (word) => {
    const before = known.get(word);
    if (before !== undefined) return before;
    const found = find(word);
    if (known.size >= most) known.clear();
    known.set(word, found);
    return found;
  };
}
