import { MinHeap } from './min-heap.js';

/** A rank and a position in one number that sorts by rank, then from left to right. */
const POSITIONS = 2 ** 30;
const CACHED_WORDS = 10_000;
const LONGEST_CACHED = 64;

/**
 * Byte-pair encoding of one word (Sennrich et al., 2016): the adjacent pair that was learnt first merges first, until
 * none is left. A heap keeps a word of n characters at O(n log n).
 */
export class BytePairEncoder {
  private readonly ids: ReadonlyMap<string, number>;
  /** left · V + right → rank. */
  private readonly ranks = new Map<number, number>();
  /** rank → the id of what it makes. */
  private readonly merged: number[] = [];
  private readonly cache = new Map<string, number[]>();

  /** @param merges pairs "left right", the first learnt first */
  constructor(
    private readonly vocabulary: readonly string[],
    merges: readonly string[],
  ) {
    const ids = new Map<string, number>();
    vocabulary.forEach((entry, id) => ids.set(entry, id));
    this.ids = ids;
    for (const merge of merges) {
      const space = merge.indexOf(' ');
      const [left, right] = [merge.slice(0, space), merge.slice(space + 1)];
      const [a, b, made] = [ids.get(left), ids.get(right), ids.get(left + right)];
      if (a === undefined || b === undefined || made === undefined) continue;
      this.ranks.set(this.pair(a, b), this.merged.push(made) - 1);
    }
  }

  /** @param word in the vocabulary's own alphabet; a character that it lacks is dropped, as the reference does */
  encode(word: string): number[] {
    const known = this.cache.get(word);
    if (known) return known;
    const ids = this.merge([...word].flatMap((character) => this.ids.get(character) ?? []));
    if (word.length <= LONGEST_CACHED) {
      if (this.cache.size >= CACHED_WORDS) this.cache.clear();
      this.cache.set(word, ids);
    }
    return ids;
  }

  private merge(ids: number[]): number[] {
    const end = ids.length;
    const next = ids.map((_, at) => at + 1);
    const previous = ids.map((_, at) => at - 1);
    const heap = new MinHeap();
    const rankAt = (at: number) => {
      const right = next[at]!;
      return at < 0 || right >= end ? undefined : this.ranks.get(this.pair(ids[at]!, ids[right]!));
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
      ids[at] = this.merged[rank]!;
      ids[right] = GONE;
      next[at] = next[right]!;
      if (next[at]! < end) previous[next[at]!] = at;
      offer(at);
      offer(previous[at]!);
    }
    return ids.filter((id) => id !== GONE);
  }

  private pair(left: number, right: number): number {
    return left * this.vocabulary.length + right;
  }
}

const GONE = -1;
