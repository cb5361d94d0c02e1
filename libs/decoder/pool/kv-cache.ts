import { Float32PageStore } from './float32-page-store.js';
import { Int8PageStore } from './int8-page-store.js';
import { type KvShape } from './kv-shape.js';
import { type Acquired, type Admission, type PageDemand, pagesFor, PagePool, type PageRun } from './page-pool.js';
import { type PageStore } from './page-store.js';
import { spillFileBytes } from './spill-file.js';
import { SpillStore } from './spill-store.js';

export interface KvCacheOptions {
  shape: KvShape;
  memoryBytes: number;
  /** Zero keeps nothing on disk. */
  diskBytes: number;
  dir: string;
  warn?: (message: string) => void;
}

/**
 * Pages in memory and on disk as one cache by content address.
 *
 *   acquire ─► missing run ─► restore (from disk) ── true ──► resident
 *                               └─ false ─► prefill, store.writeLayer … ─► commit ─► resident, written to disk behind
 *
 * A run is written to disk when it is committed, not when it is evicted: eviction then costs nothing, and a killed
 * process loses little. It stays pinned until it is written. A run that is given up while missing is just released.
 *
 * @example
 * const { runs, missing } = cache.acquire(demands);
 * for (const run of missing) if (!(await cache.restore(run))) { await prefill(run); cache.commit(run); }
 * // ... cache.store.gather(...) over the runs' pages ...
 * cache.release(runs);
 */
export class KvCache<Store extends PageStore = PageStore> {
  #behind: Promise<void> = Promise.resolve();

  private constructor(
    readonly store: Store,
    readonly pool: PagePool,
    readonly spill: SpillStore | undefined,
  ) {}

  static open(options: KvCacheOptions): Promise<KvCache<Int8PageStore>> {
    return KvCache.#over(new Int8PageStore(options.shape, options.memoryBytes), options);
  }

  /** Without quantisation error, at four times the memory: for tests of exactness. */
  static openFloat32(options: KvCacheOptions): Promise<KvCache<Float32PageStore>> {
    return KvCache.#over(new Float32PageStore(options.shape, options.memoryBytes), options);
  }

  static async #over<S extends PageStore>(store: S, options: KvCacheOptions): Promise<KvCache<S>> {
    const { diskBytes: maxBytes, dir, warn } = options;
    const format = { precision: store.precision, pageBytes: store.pageBytes, ...options.shape };
    const spill = maxBytes > 0 ? await SpillStore.open({ dir, maxBytes, format, warn }) : undefined;
    return new KvCache(store, new PagePool(store.totalPages), spill);
  }

  /** What admitting these demands would take; of `missingPages`, those on disk need no prefill. */
  estimate(demands: readonly PageDemand[]): Admission & { diskTokens: number } {
    const onDisk = demands.filter(({ address }) => !this.pool.get(address) && this.spill?.has(address));
    return { ...this.pool.estimate(demands), diskTokens: onDisk.reduce((sum, { tokens }) => sum + tokens, 0) };
  }

  /** Where a run can be taken from. */
  placeOf(address: string): 'memory' | 'disk' | 'nowhere' {
    if (this.pool.get(address)) return 'memory';
    return this.spill?.has(address) ? 'disk' : 'nowhere';
  }

  /** See PagePool.acquire. */
  acquire(demands: readonly PageDemand[]): Acquired {
    return this.pool.acquire(demands);
  }

  /** Fills a missing run from disk. @returns false when it must be prefilled. */
  async restore(run: PageRun): Promise<boolean> {
    if (!this.spill?.has(run.address)) return false;
    this.pool.retain(run.address);
    try {
      const bytes = new Uint8Array(run.pages.length * this.store.pageBytes);
      if (!(await this.spill.read(run.address, run.tokens, bytes))) return false;
      this.store.copyIn(run, bytes);
      this.pool.ready(run.address);
      return true;
    } finally {
      this.pool.release(run.address);
    }
  }

  /** Addresses of the first demands whose files take up to `bytes` together. */
  within(bytes: number, demands: readonly PageDemand[]): Set<string> {
    const kept = new Set<string>();
    let left = bytes;
    for (const { address, tokens } of demands) {
      if (!kept.has(address)) left -= spillFileBytes(pagesFor(tokens) * this.store.pageBytes);
      if (left < 0) break;
      kept.add(address);
    }
    return kept;
  }

  /** Declares a missing run prefilled: others find it, and it is written to disk in the background, unless it is not to be kept. */
  commit(run: PageRun, keep = true): void {
    this.pool.ready(run.address);
    const { spill } = this;
    if (!keep || spill === undefined || spill.has(run.address)) return;
    this.pool.retain(run.address);
    this.#behind = this.#behind
      .then(() => spill.write(run.address, run.tokens, this.#copyOf(run)))
      .then(() => this.pool.release(run.address));
  }

  release(runs: readonly PageRun[]): void {
    for (const run of runs) this.pool.release(run.address);
  }

  /** Resolves when everything committed so far is on disk. */
  flush(): Promise<void> {
    return this.#behind;
  }

  #copyOf(run: PageRun): Uint8Array {
    const bytes = new Uint8Array(run.pages.length * this.store.pageBytes);
    this.store.copyOut(run, bytes);
    return bytes;
  }
}
