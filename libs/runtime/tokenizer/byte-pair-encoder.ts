import { PieceMerger } from './piece-merger.js';

const CACHED_WORDS = 10_000;
const LONGEST_CACHED = 64;

/** Byte-pair encoding of one word (Sennrich et al., 2016): the adjacent pair that was learnt first merges first, until none is left. */
export class BytePairEncoder {
  private readonly ids: ReadonlyMap<string, number>;
  private readonly merger: PieceMerger;
  private readonly cache = new Map<string, number[]>();

  /**
   * @param merges pairs "left right", the first learnt first
   * @param isWord whether this entry stands for a word that is written like it, whatever merges make of it (`ignore_merges`)
   */
  constructor(
    vocabulary: readonly string[],
    merges: readonly string[],
    private readonly isWord: (id: number) => boolean = () => false,
  ) {
    const ids = new Map<string, number>();
    vocabulary.forEach((entry, id) => ids.set(entry, id));
    this.ids = ids;
    /** left · V + right → rank. */
    const ranks = new Map<number, number>();
    const pair = (left: number, right: number): number => left * vocabulary.length + right;
    const made: number[] = [];
    for (const merge of merges) {
      const space = merge.indexOf(' ');
      const [left, right] = [merge.slice(0, space), merge.slice(space + 1)];
      const [a, b, both] = [ids.get(left), ids.get(right), ids.get(left + right)];
      if (a === undefined || b === undefined || both === undefined) continue;
      ranks.set(pair(a, b), made.push(both) - 1);
    }
    this.merger = new PieceMerger((left, right) => ranks.get(pair(left, right)), made);
  }

  /** @param word in the vocabulary's own alphabet; a character that it lacks is dropped, as the reference does */
  encode(word: string): number[] {
    const known = this.cache.get(word);
    if (known) return known;
    const whole = this.ids.get(word);
    const ids =
      whole !== undefined && this.isWord(whole)
        ? [whole]
        : this.merger.merge([...word].flatMap((character) => this.ids.get(character) ?? []));
    if (word.length <= LONGEST_CACHED) {
      if (this.cache.size >= CACHED_WORDS) this.cache.clear();
      this.cache.set(word, ids);
    }
    return ids;
  }
}
