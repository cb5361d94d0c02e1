/** A segment that a request offers, as far as choosing needs to know it. */
export interface Offered {
  tokens: number;
  pages: number;
  /** How much it has to do with the question: 0 nothing, or not known. */
  prior: number;
  /** Where its pages are: they must be computed, they are on disk, or they are in memory. */
  lies: 'nowhere' | 'disk' | 'memory';
}

export interface Room {
  /** Pages that the chosen segments may take together. */
  pages: number;
  /** Tokens that are enough: no segment is computed beyond so many, but for those that have to do with the question. */
  enough: number;
}

/** Segments that are read because they have to do with the question, twice what the attention budget holds: a second of two cores. */
const MOST_RELATED = 8;
const COST = { memory: 0, disk: 1, nowhere: 2 };

/**
 * Which of many segments are read when not all can be: first those that have most to do with the question, then what costs least, and of
 * equals an even spread over the whole. The same spread whatever the question, so that the next one finds it in memory.
 *
 * @returns their numbers, ascending; the first choice at least
 */
export function chooseSegments(offered: readonly Offered[], room: Room): number[] {
  let { pages } = room;
  let total = 0;
  const chosen: number[] = [];
  const { related, others } = byPromise(offered);
  const take = (i: number): void => {
    const { pages: takes, tokens } = offered[i]!;
    if (chosen.length > 0 && takes > pages) return;
    chosen.push(i);
    pages -= takes;
    total += tokens;
  };
  for (const i of related) take(i);
  for (const i of others) if (total < room.enough || offered[i]!.lies !== 'nowhere' || chosen.length === 0) take(i);
  return chosen.sort((a, b) => a - b);
}

function byPromise(offered: readonly Offered[]): { related: number[]; others: number[] } {
  const all = [...offered.keys()];
  const related = all
    .filter((i) => offered[i]!.prior > 0)
    .sort((a, b) => offered[b]!.prior - offered[a]!.prior || a - b)
    .slice(0, MOST_RELATED);
  const first = new Set(related);
  const spread = spreadRanks(offered.length);
  const cost = (i: number): number => COST[offered[i]!.lies];
  const others = all.filter((i) => !first.has(i)).sort((a, b) => cost(a) - cost(b) || spread[a]! - spread[b]!);
  return { related, others };
}

/** An order of 0 … n - 1 whose beginnings are spread evenly, however long (van der Corput's: the bits of the number reversed). */
function spreadRanks(n: number): number[] {
  const bits = Math.max(1, Math.ceil(Math.log2(n)));
  return Array.from({ length: n }, (_, i) => {
    let rank = 0;
    for (let bit = 0; bit < bits; bit++) if (i & (1 << bit)) rank |= 1 << (bits - 1 - bit);
    return rank;
  });
}
