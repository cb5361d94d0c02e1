import { TesseraError } from '#contracts';

/** Tokens in one KV page. */
export const PAGE_TOKENS = 16;

/** Pages needed to hold a number of tokens. */
export const pagesFor = (tokens: number): number => Math.ceil(tokens / PAGE_TOKENS);

/** The pages of one prefix or segment, in token order. Only the last page may be partly filled. */
export interface PageRun {
  readonly address: string;
  readonly tokens: number;
  readonly pages: readonly number[];
}

/** A prefix or segment that a sequence needs, resident or not. */
export interface PageDemand {
  address: string;
  tokens: number;
}

export interface Admission {
  /** Tokens whose pages are resident and ready. */
  cachedTokens: number;
  /** Pages that must be allocated. */
  missingPages: number;
  /** Those, and the resident ones that nobody has pinned: what it takes of what is free or can be evicted. */
  unpinnedPages: number;
  /** True when they can be allocated now, evicting unpinned runs if need be. */
  fits: boolean;
  /** False when they could not be allocated even with the pool empty. */
  possible: boolean;
}

export interface Acquired {
  /** One per demand, in order; all pinned once. */
  runs: PageRun[];
  /** Those of them that are new: the caller fills their pages, then calls `ready` (or `discard`). */
  missing: PageRun[];
  /** Runs that lost their pages, which already belong to others. */
  evicted: PageRun[];
}

export interface PoolStats {
  totalPages: number;
  freePages: number;
  pinnedPages: number;
  runs: number;
  evictions: number;
}

interface Entry {
  run: PageRun;
  refs: number;
  ready: boolean;
}

/**
 * Who owns which KV page: content addresses, reference counts and least-recently-used eviction. Holds no tensors.
 *
 * A run is `filling` from `acquire` until `ready`; runs are evicted only when ready and unpinned.
 * Invariant, asserted by `check()`: every page is either free or in exactly one run.
 *
 * @example
 * const pool = new PagePool(4096);
 * const { runs, missing } = pool.acquire([{ address, tokens: 240 }]);
 * for (const run of missing) { await prefill(run); pool.ready(run.address); }
 * // ... read runs[i].pages ...
 * for (const run of runs) pool.release(run.address);
 */
export class PagePool {
  readonly #entries = new Map<string, Entry>();
  /** Ready, unpinned runs; the Map's order is from least to most recently used. */
  readonly #idle = new Map<string, Entry>();
  readonly #free: number[];
  #idlePages = 0;
  #evictions = 0;

  constructor(readonly totalPages: number) {
    // Popped from the end: low page numbers are used first, so that memory behind them grows only as needed.
    this.#free = Array.from({ length: totalPages }, (_, i) => totalPages - 1 - i);
  }

  /** True when the run's pages are resident and filled. Does not touch its age. */
  has(address: string): boolean {
    return this.#entries.get(address)?.ready ?? false;
  }

  /** The resident run, ready or still filling. */
  get(address: string): PageRun | undefined {
    return this.#entries.get(address)?.run;
  }

  /** What admitting these demands would take; changes nothing. */
  estimate(demands: readonly PageDemand[]): Admission {
    let cachedTokens = 0;
    let missingPages = 0;
    let allPages = 0;
    let ownIdlePages = 0;
    for (const demand of distinct(demands)) {
      const entry = this.#entries.get(demand.address);
      allPages += pagesFor(demand.tokens);
      if (entry === undefined) missingPages += pagesFor(demand.tokens);
      else {
        if (entry.ready) cachedTokens += demand.tokens;
        if (this.#idle.has(demand.address)) ownIdlePages += entry.run.pages.length;
      }
    }
    return {
      cachedTokens,
      missingPages,
      unpinnedPages: missingPages + ownIdlePages,
      // Pinning the demands' own resident runs takes them out of what may be evicted.
      fits: missingPages <= this.#free.length + this.#idlePages - ownIdlePages,
      possible: allPages <= this.totalPages,
    };
  }

  /**
   * Pins every demanded run, allocating those that are not resident. All or nothing.
   * A run that another sequence is still filling is pinned and not listed as missing: wait for `has(address)`.
   * @throws TesseraError `context_too_long` when the pool could never hold them, `overloaded` when it cannot now.
   */
  acquire(demands: readonly PageDemand[]): Acquired {
    const estimate = this.estimate(demands);
    if (!estimate.possible)
      throw new TesseraError(
        'context_too_long',
        `The sequence needs more than the ${this.totalPages * PAGE_TOKENS} tokens that KV memory holds; ` +
          'raise TESSERA_KV_MEMORY or send less media.',
      );
    if (!estimate.fits)
      throw new TesseraError('overloaded', 'KV memory is in use by running answers; try again in a moment.');

    for (const { address } of demands) {
      const entry = this.#entries.get(address);
      if (entry !== undefined) this.#pin(entry);
    }
    const evicted: PageRun[] = [];
    const fresh = new Set<Entry>();
    const runs = demands.map((demand) => {
      let entry = this.#entries.get(demand.address);
      if (entry === undefined) fresh.add((entry = this.#allocate(demand, evicted)));
      else if (fresh.has(entry)) entry.refs++; // The same new segment twice in one sequence.
      return entry.run;
    });
    return { runs, missing: [...fresh].map((entry) => entry.run), evicted };
  }

  /** The run's pages are filled: from now on others find it. */
  ready(address: string): void {
    const entry = this.#require(address);
    entry.ready = true;
    this.#idleIfUnpinned(entry);
  }

  /** Pins a resident run once more. */
  retain(address: string): void {
    this.#pin(this.#require(address));
  }

  /** Drops one pin. A run that nobody pins before it is ready is freed: its filler failed or was cancelled. */
  release(address: string): void {
    const entry = this.#require(address);
    if (entry.refs <= 0) throw new Error(`page run ${address} is released more often than it was pinned`);
    entry.refs--;
    if (entry.ready) this.#idleIfUnpinned(entry);
    else if (entry.refs === 0) this.#drop(entry);
  }

  /** Frees an unpinned run, as when its medium is deleted. */
  discard(address: string): PageRun {
    const entry = this.#require(address);
    if (entry.refs > 0) throw new Error(`page run ${address} is discarded while ${entry.refs} sequences read it`);
    return this.#drop(entry);
  }

  stats(): PoolStats {
    return {
      totalPages: this.totalPages,
      freePages: this.#free.length,
      pinnedPages: this.totalPages - this.#free.length - this.#idlePages,
      runs: this.#entries.size,
      evictions: this.#evictions,
    };
  }

  /** Asserts the invariants; throws with what is wrong. Cheap enough to run when idle. */
  check(): void {
    const owner = new Map<number, string>(this.#free.map((page) => [page, 'free']));
    if (owner.size !== this.#free.length) throw new Error('a page is free twice');
    let idlePages = 0;
    for (const [address, { run, refs, ready }] of this.#entries) {
      if (refs < 0) throw new Error(`page run ${address} has ${refs} references`);
      if (run.pages.length !== pagesFor(run.tokens)) throw new Error(`page run ${address} has the wrong length`);
      for (const page of run.pages) {
        if (owner.has(page)) throw new Error(`page ${page} belongs to ${address} and to ${owner.get(page)}`);
        owner.set(page, address);
      }
      if (!ready && refs === 0) throw new Error(`page run ${address} is neither ready nor pinned`);
      const idle = refs === 0;
      if (idle !== this.#idle.has(address)) throw new Error(`page run ${address} is in the wrong list`);
      if (idle) idlePages += run.pages.length;
    }
    if (owner.size !== this.totalPages) throw new Error(`free + used = ${owner.size}, not ${this.totalPages} pages`);
    if (idlePages !== this.#idlePages) throw new Error(`${idlePages} pages are idle, not ${this.#idlePages}`);
  }

  #require(address: string): Entry {
    const entry = this.#entries.get(address);
    if (entry === undefined) throw new Error(`no page run ${address}`);
    return entry;
  }

  #pin(entry: Entry): void {
    if (this.#idle.delete(entry.run.address)) this.#idlePages -= entry.run.pages.length;
    entry.refs++;
  }

  #idleIfUnpinned(entry: Entry): void {
    if (entry.refs > 0 || this.#idle.has(entry.run.address)) return;
    this.#idle.set(entry.run.address, entry);
    this.#idlePages += entry.run.pages.length;
  }

  #allocate({ address, tokens }: PageDemand, evicted: PageRun[]): Entry {
    const count = pagesFor(tokens);
    while (this.#free.length < count) {
      const oldest = this.#idle.values().next().value;
      if (oldest === undefined) throw new Error('the admission estimate was wrong: nothing is left to evict');
      evicted.push(this.#drop(oldest));
      this.#evictions++;
    }
    const pages = Array.from({ length: count }, () => this.#free.pop()!);
    const entry: Entry = { run: { address, tokens, pages }, refs: 1, ready: false };
    this.#entries.set(address, entry);
    return entry;
  }

  #drop(entry: Entry): PageRun {
    if (this.#idle.delete(entry.run.address)) this.#idlePages -= entry.run.pages.length;
    this.#entries.delete(entry.run.address);
    for (let i = entry.run.pages.length - 1; i >= 0; i--) this.#free.push(entry.run.pages[i]!);
    return entry.run;
  }
}

function distinct(demands: readonly PageDemand[]): Iterable<PageDemand> {
  return new Map(demands.map((demand) => [demand.address, demand])).values();
}
