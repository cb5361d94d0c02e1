import { TesseraError, type DecodeEvent, type DecodeRequest } from '#contracts';
import type { DecoderStats } from '../host/messages.js';
import type { KvCache } from '../pool/kv-cache.js';
import type { PageRun } from '../pool/page-pool.js';
import { rotaryTable } from '../pool/rotary.js';
import { Arena } from '../runner/arena.js';
import type { DecoderModel } from '../runner/model.js';
import { Runner } from '../runner/runner.js';
import { PrefixCache } from './prefix-cache.js';
import { Reader } from './reader.js';
import { Sequence } from './sequence.js';

/** Tokens that one prefill run takes in; the upper bound of what a running answer waits for. */
const PREFILL_TOKENS = 512;

export interface Listener {
  event(event: DecodeEvent): void;
  error(error: TesseraError): void;
}

interface Job {
  sequence: Sequence;
  listener: Listener;
  /** Runs that this sequence must fill. */
  missing: PageRun[];
  state: 'waiting' | 'prefill' | 'decode';
}

/** Schedules, runs, samples: every step advances all running answers by a token, or fills pages. */
export class Engine {
  private readonly jobs: Job[] = [];
  private readonly arena: Arena;
  private readonly runner: Runner;
  private readonly prefixes: PrefixCache;
  private readonly reader: Reader;

  constructor(
    private readonly model: DecoderModel,
    private readonly cache: KvCache,
    private readonly packId: string,
  ) {
    const { layers, kvHeads, headDim, theta } = model.config;
    this.arena = new Arena({ layers, kvHeads, headDim });
    this.runner = new Runner(model);
    const rotary = rotaryTable({ positions: 16_384, headDim, theta, pairs: 'halves' });
    this.prefixes = new PrefixCache(cache.store, rotary);
    this.reader = new Reader(this.runner, cache.store, this.arena, this.prefixes, rotary);
  }

  get busy(): boolean {
    return this.jobs.length > 0;
  }

  stats(): DecoderStats {
    return {
      running: this.jobs.length,
      pool: this.cache.pool.stats(),
      kvBytes: this.cache.store.allocatedBytes,
      workingSetBytes: this.arena.bytes,
      spillBytes: this.cache.spill?.bytes ?? 0,
    };
  }

  submit(id: number, request: DecodeRequest, listener: Listener): void {
    try {
      const sequence = new Sequence(id, request, this.model, this.packId, (event) => listener.event(event));
      this.jobs.push({ sequence, listener, missing: [], state: 'waiting' });
    } catch (error) {
      listener.error(TesseraError.from(error));
    }
  }

  cancel(id: number): void {
    const job = this.jobs.find(({ sequence }) => sequence.id === id);
    if (job) this.fail(job, new TesseraError('cancelled', 'The work was cancelled.'));
  }

  /** One unit of work: a batch of prefill for the first job that needs it, and a decode step for all that run. */
  async step(): Promise<void> {
    const filling = this.jobs.find(({ state }) => state !== 'decode');
    if (filling) await this.guard(filling, () => this.fill(filling));
    const running = this.jobs.filter(({ state }) => state === 'decode');
    if (running.length > 0) await this.decode(running);
  }

  /** Waits until pages are on disk. */
  async close(): Promise<void> {
    await this.cache.flush();
  }

  private async guard(job: Job, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.fail(job, TesseraError.from(error));
    }
  }

  private async fill(job: Job): Promise<void> {
    const { sequence } = job;
    if (job.state === 'waiting') {
      const { runs, missing } = this.cache.acquire(sequence.demands);
      sequence.runs = runs;
      job.state = 'prefill';
      for (const run of missing) if (!(await this.cache.restore(run))) job.missing.push(run);
      sequence.cachedTokens = sequence.demands.reduce((sum, { tokens }) => sum + tokens, 0);
      for (const run of job.missing) sequence.cachedTokens -= run.tokens;
      sequence.prefilledTokens = sequence.cachedTokens;
    }
    const total = sequence.demands.reduce((sum, { tokens }) => sum + tokens, 0);
    if (job.missing.length > 0) {
      const filled = await this.prefill(job);
      sequence.progress(filled, total);
      if (job.missing.length > 0) return;
    }
    sequence.times.prefilled = performance.now();
    const logits = await this.reader.read(sequence);
    job.state = 'decode';
    this.take(job, logits);
  }

  /** Prefills the next few missing runs. @returns how many tokens */
  private async prefill(job: Job): Promise<number> {
    const { sequence } = job;
    const isPrefix = sequence.hasPrefix && job.missing[0]!.address === sequence.demands[0]!.address;
    const batch: PageRun[] = [];
    let tokens = 0;
    for (const run of job.missing) {
      if (batch.length > 0 && (isPrefix || tokens + run.tokens > PREFILL_TOKENS)) break;
      batch.push(run);
      tokens += run.tokens;
    }
    const embedded = batch.map((run) =>
      sequence.source(sequence.demands.findIndex(({ address }) => address === run.address)).embed(),
    );
    const prefix = this.prefixes.rows(isPrefix ? undefined : sequence.prefixRun);
    const filled = await this.runner.prefill(prefix, embedded);
    batch.forEach((run, i) => {
      filled.write(i, run, this.cache.store);
      this.cache.commit(run);
    });
    job.missing = job.missing.slice(batch.length);
    return tokens;
  }

  private async decode(running: readonly Job[]): Promise<void> {
    const { hidden, vocabulary } = this.model.config;
    const count = this.arena.members.length;
    const embeddings = new Float32Array(count * hidden);
    for (const { sequence } of running)
      this.model.embeddings.row(sequence.answer.at(-1)!, embeddings, sequence.working!.slot * hidden);
    const active = new Set(running.map(({ sequence }) => sequence.working!));
    const all = Array.from({ length: count }, (_, i) => i);
    const { logits, mass } = await this.runner.step(this.arena, 0, count, embeddings, all, (member) =>
      active.has(member),
    );
    const { capacity } = this.arena;
    const { kvHeads } = this.model.config;
    for (const { sequence } of running) {
      const at = sequence.working!.slot * kvHeads * capacity;
      sequence.rowSegments.forEach((rows, i) =>
        sequence.evidence.add(mass[i]!.subarray(at, at + kvHeads * capacity), capacity, rows, kvHeads),
      );
    }
    // Slots move when a sequence ends, so each takes its row first.
    const rows = running.map(({ sequence }) => sequence.working!.slot * vocabulary);
    running.forEach((job, i) => this.take(job, logits.subarray(rows[i]!, rows[i]! + vocabulary)));
  }

  private take(job: Job, logits: Float32Array): void {
    try {
      const reason = job.sequence.accept(logits, this.model);
      if (reason === undefined) return;
      job.sequence.finish(reason, this.model);
      this.leave(job);
    } catch (error) {
      this.fail(job, TesseraError.from(error));
    }
  }

  private fail(job: Job, error: TesseraError): void {
    if (this.leave(job)) job.listener.error(error);
  }

  private leave(job: Job): boolean {
    const at = this.jobs.indexOf(job);
    if (at < 0) return false;
    this.jobs.splice(at, 1);
    const { sequence } = job;
    if (sequence.working) this.arena.remove(sequence.working);
    this.cache.release(sequence.runs);
    sequence.runs = [];
    return true;
  }
}
