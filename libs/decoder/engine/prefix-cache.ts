import type { PageRun } from '../pool/page-pool.js';
import type { PageStore } from '../pool/page-store.js';
import type { RotaryTable } from '../pool/rotary.js';
import { noPrefix, type PrefixRows } from '../runner/prefix-rows.js';
import type { Runner } from '../runner/runner.js';
import type { Sequence } from './sequence.js';

/** Prefixes whose rows are kept: a service has few, a timeline's and a picture's. */
const KEPT = 8;
/** Tokens that they may have together, at 46 KB each; the newest stays, however long it is. */
const KEPT_TOKENS = 4096;

/**
 * Decoded, rotated rows of prefixes, which every segment and question attends to. Short prefixes are computed here and
 * never become int8 pages: the first tokens' keys and values have the largest magnitudes, receive most of the
 * attention, and rounding them was more than half of the error of all quantisation
 * (docs/decisions/0013-integer-products.md). Long ones lie in pages, like segments.
 */
export class PrefixCache {
  private readonly known = new Map<string, PrefixRows>();
  readonly none: PrefixRows;

  constructor(
    private readonly runner: Runner,
    private readonly store: PageStore,
    private readonly rotary: RotaryTable,
  ) {
    this.none = noPrefix(store.shape.layers);
  }

  has({ prefixAddress }: Sequence): boolean {
    return this.known.has(prefixAddress);
  }

  /**
   * The rows of a sequence's prefix; when it lies in pages, they must be filled.
   * @throws TesseraError `decoder_failed` when a number is not finite
   */
  async of(sequence: Sequence): Promise<PrefixRows> {
    const { prefix, prefixAddress, prefixRun } = sequence;
    if (prefix.tokens === 0) return this.none;
    let rows = this.known.get(prefixAddress);
    rows ??= prefixRun ? this.decode([prefixRun]) : await this.runner.prefix(prefix.embed());
    this.known.delete(prefixAddress);
    this.known.set(prefixAddress, rows);
    this.forget();
    return rows;
  }

  /** What has not been used for longest goes, until the rest is little enough. */
  private forget(): void {
    let tokens = 0;
    for (const rows of this.known.values()) tokens += rows.tokens;
    for (const [address, rows] of this.known) {
      if (this.known.size === 1 || (this.known.size <= KEPT && tokens <= KEPT_TOKENS)) return;
      this.known.delete(address);
      tokens -= rows.tokens;
    }
  }

  /** Rows of filled runs after `before`. */
  after(before: PrefixRows, runs: readonly PageRun[]): PrefixRows {
    if (runs.length === 0) return before;
    const own = this.decode(runs, before.tokens);
    const { kvHeads, headDim } = this.store.shape;
    const join = (first: Float32Array, second: Float32Array): Float32Array => {
      const [a, b] = [before.tokens * headDim, own.tokens * headDim];
      const all = new Float32Array(kvHeads * (a + b));
      for (let head = 0; head < kvHeads; head++) {
        all.set(first.subarray(head * a, (head + 1) * a), head * (a + b));
        all.set(second.subarray(head * b, (head + 1) * b), head * (a + b) + a);
      }
      return all;
    };
    return {
      tokens: before.tokens + own.tokens,
      keys: before.keys.map((keys, layer) => join(keys, own.keys[layer]!)),
      values: before.values.map((values, layer) => join(values, own.values[layer]!)),
    };
  }

  /** Rows of runs that stand one after the other, from `position` on. */
  private decode(runs: readonly PageRun[], position = 0): PrefixRows {
    const tokens = runs.reduce((sum, run) => sum + run.tokens, 0);
    const pages = runs.flatMap((run) => run.pages);
    const { layers, kvHeads, headDim } = this.store.shape;
    const { rotary } = this;
    const rows: PrefixRows = { tokens, keys: [], values: [] };
    for (let layer = 0; layer < layers; layer++) {
      const keys = new Float32Array(kvHeads * tokens * headDim);
      const values = new Float32Array(keys.length);
      for (let head = 0; head < kvHeads; head++) {
        const at = head * tokens * headDim;
        this.store.gather({ layer, head, pages, keys, keysAt: at, values, valuesAt: at, rotary, position });
      }
      rows.keys.push(keys);
      rows.values.push(values);
    }
    return rows;
  }
}
