import type { PageRun } from '../pool/page-pool.js';
import type { PageStore } from '../pool/page-store.js';
import type { RotaryTable } from '../pool/rotary.js';
import type { PrefixRows } from '../runner/runner.js';

/** Prefixes whose rows are kept decoded: a service has few, a timeline's and a picture's. */
const KEPT = 4;

/** Decoded, rotated rows of prefixes, which every segment and question attends to. */
export class PrefixCache {
  private readonly known = new Map<string, PrefixRows>();
  private readonly none: PrefixRows;

  constructor(
    private readonly store: PageStore,
    private readonly rotary: RotaryTable,
  ) {
    const empty = Array.from({ length: store.shape.layers }, () => new Float32Array(0));
    this.none = { tokens: 0, keys: empty, values: empty };
  }

  /** @param run the prefix's pages, filled; undefined when there is no prefix */
  rows(run: PageRun | undefined): PrefixRows {
    if (run === undefined) return this.none;
    const rows = this.known.get(run.address) ?? this.decode([run]);
    this.known.delete(run.address);
    this.known.set(run.address, rows);
    if (this.known.size > KEPT) this.known.delete(this.known.keys().next().value!);
    return rows;
  }

  /** Rows of runs that stand one after the other, from position 0 on. */
  decode(runs: readonly PageRun[]): PrefixRows {
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
        this.store.gather({ layer, head, pages, keys, keysAt: at, values, valuesAt: at, rotary });
      }
      rows.keys.push(keys);
      rows.values.push(values);
    }
    return rows;
  }
}
