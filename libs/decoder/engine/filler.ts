import type { KvCache } from '../pool/kv-cache.js';
import type { PageRun } from '../pool/page-pool.js';
import type { PrefixRows } from '../runner/prefix-rows.js';
import type { Runner } from '../runner/runner.js';
import { partOf, type Job, type Unfilled } from './job.js';
import type { PrefixCache } from './prefix-cache.js';

/** Tokens of one prefill run, padding included; beyond that, activations leave the cache. */
const RUN_TOKENS = 512;

/** Computes the keys and values of prefixes and segments. */
export class Filler {
  constructor(
    private readonly runner: Runner,
    private readonly cache: KvCache,
    private readonly prefixes: PrefixCache,
  ) {}

  /** Pins the sequence's pages and takes from disk what is there. */
  async admit(job: Job): Promise<void> {
    const { sequence } = job;
    const { runs, missing } = this.cache.acquire(sequence.demands);
    sequence.runs = runs;
    job.kept = this.cache.within(sequence.request.keepBytes ?? Infinity, sequence.demands);
    job.unfilled = missing.map((run) => ({ run, from: 0 }));
    const restored = new Set<PageRun>();
    for (const run of missing) if (await this.cache.restore(run)) restored.add(run);
    job.unfilled = job.unfilled.filter(({ run }) => !restored.has(run));
    sequence.prefilledTokens = sequence.pagedTokens - job.unfilledTokens;
    const known = !sequence.prefixRun && this.prefixes.has(sequence);
    sequence.cachedTokens = sequence.prefilledTokens + (known ? sequence.prefix.tokens : 0);
  }

  /** True when all its pages are filled. Pages that another sequence gave up half-way become this one's to fill. */
  settle(job: Job, jobs: readonly Job[]): boolean {
    const { pool } = this.cache;
    // Sets: an hour of media is thousands of runs, and this is asked before every step.
    const own = addresses([job]);
    const others = job.sequence.runs.filter(({ address }) => !pool.has(address) && !own.has(address));
    const beingFilled = others.length > 0 ? addresses(jobs) : own;
    const orphans = others.filter(({ address }) => !beingFilled.has(address));
    const { prefixRun } = job.sequence;
    for (const run of new Map(orphans.map((orphan) => [orphan.address, orphan])).values())
      job.unfilled[run === prefixRun ? 'unshift' : 'push']({ run, from: 0 });
    // Nothing is computed after a prefix before that is there.
    const lacksPrefix = prefixRun !== undefined && others.includes(prefixRun) && !orphans.includes(prefixRun);
    job.blocked = lacksPrefix || (job.unfilled.length === 0 && others.length > orphans.length);
    return job.unfilled.length === 0 && others.length === 0;
  }

  /** Fills up to `tokens` tokens in chunks of at most `chunk`. @returns tokens filled */
  async fill(job: Job, tokens: number, chunk: number): Promise<number> {
    let filled = 0;
    while (filled < tokens && job.unfilled.length > 0) {
      const first = job.unfilled[0]!;
      const left = tokens - filled;
      filled += this.isWhole(job, first, chunk)
        ? await this.fillWhole(job, left)
        : await this.fillChunk(job, first, Math.min(chunk, left));
    }
    job.sequence.progress(filled);
    return filled;
  }

  private isWhole(job: Job, { run, from }: Unfilled, chunk: number): boolean {
    return from === 0 && run.tokens <= chunk && run.address !== job.sequence.prefixAddress;
  }

  /** Short segments go in batches. */
  private async fillWhole(job: Job, tokens: number): Promise<number> {
    const batch: PageRun[] = [];
    let [sum, longest] = [0, 0];
    for (const { run, from } of job.unfilled) {
      longest = Math.max(longest, run.tokens);
      const padded = longest * (batch.length + 1);
      if (batch.length > 0 && (from > 0 || padded > RUN_TOKENS || sum + run.tokens > tokens)) break;
      batch.push(run);
      sum += run.tokens;
    }
    const embedded = batch.map((run) => job.sequence.sourceOf(run).embed());
    const filled = await this.runner.prefill(await this.prefixes.of(job.sequence), embedded);
    batch.forEach((run, i) => {
      filled.write(i, run, this.cache.store);
      this.cache.commit(run, job.kept.has(run.address));
    });
    job.unfilled = job.unfilled.slice(batch.length);
    return sum;
  }

  /** A chunk of a prefix or of a long segment, after the chunks before it. */
  private async fillChunk(job: Job, unfilled: Unfilled, most: number): Promise<number> {
    const { run, from } = unfilled;
    const tokens = Math.min(most, run.tokens - from);
    const { hidden } = this.runner.model.config;
    const embedded = job.sequence
      .sourceOf(run)
      .embed()
      .subarray(from * hidden, (from + tokens) * hidden);
    const filled = await this.runner.prefill(await this.before(job, unfilled), [embedded]);
    filled.write(0, partOf(run, from, tokens), this.cache.store);
    unfilled.from += tokens;
    if (unfilled.from >= run.tokens) {
      this.cache.commit(run, job.kept.has(run.address));
      job.unfilled.shift();
    }
    return tokens;
  }

  private async before({ sequence }: Job, { run, from }: Unfilled): Promise<PrefixRows> {
    const isPrefix = run.address === sequence.prefixAddress;
    const prefix = isPrefix ? this.prefixes.none : await this.prefixes.of(sequence);
    return this.prefixes.after(prefix, from > 0 ? [partOf(run, 0, from)] : []);
  }
}

/** Of the runs that these jobs fill. */
function addresses(jobs: readonly Job[]): Set<string> {
  return new Set(jobs.flatMap((job) => job.unfilled.map(({ run }) => run.address)));
}
