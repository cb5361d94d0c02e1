import { MinHeap } from './min-heap.js';

/** A rank and a position in one number that sorts by rank, then from left to right. */
const POSITIONS = 2 ** 30;
const GONE = -1;

/**
 * Merges adjacent pieces, the pair of the lowest rank first and of two alike the left one, until no pair has a rank. A heap keeps
 * n pieces at O(n log n).
 */
export class PieceMerger {
  /**
   * @param rank of a pair of ids that may merge, a whole number below 2²³
   * @param made by rank: the id of what the pair becomes
   */
  constructor(
    private readonly rank: (left: number, right: number) => number | undefined,
    private readonly made: readonly number[],
  ) {}

  /** Changes `ids`. @returns what is left of them */
  merge(ids: number[]): number[] {
    const end = ids.length;
    const next = ids.map((_, at) => at + 1);
    const previous = ids.map((_, at) => at - 1);
    const heap = new MinHeap();
    const rankAt = (at: number) => {
      const right = next[at]!;
      return at < 0 || right >= end ? undefined : this.rank(ids[at]!, ids[right]!);
    };
    const offer = (at: number) => {
      const rank = rankAt(at);
      if (rank !== undefined) heap.push(rank * POSITIONS + at);
    };
    for (let at = 0; at < end; at++) offer(at);
    for (let least = heap.pop(); least !== undefined; least = heap.pop()) {
      const at = least % POSITIONS;
      const rank = Math.floor(least / POSITIONS);
      // The pair may have been taken apart by a merge beside it, or its place swallowed by one.
      if (ids[at] === GONE || rankAt(at) !== rank) continue;
      const right = next[at]!;
      ids[at] = this.made[rank]!;
      ids[right] = GONE;
      next[at] = next[right]!;
      if (next[at]! < end) previous[next[at]!] = at;
      offer(at);
      offer(previous[at]!);
    }
    return ids.filter((id) => id !== GONE);
  }
}
