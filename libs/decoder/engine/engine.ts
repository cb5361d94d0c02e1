import { TesseraError, type DecodeEvent, type DecodeRequest } from '#contracts';
import type { DecoderStats } from '../host/messages.js';
import type { KvCache } from '../pool/kv-cache.js';
import { rotaryTable, type RotaryTable } from '../pool/kv-shape.js';
import type { PageRun } from '../pool/page-pool.js';
import { Arena } from '../runner/arena.js';
import type { DecoderModel } from '../runner/model.js';
import { Runner, type PrefixRows } from '../runner/runner.js';
import { Sequence } from './sequence.js';

/** Tokens that one prefill run takes in; the upper bound of what a running answer waits for. */
const PREFILL_TOKENS = 512;
/** Tokens of a question that are fed at once. */
const QUESTION_TOKENS = 256;

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
  private readonly rotary: RotaryTable;
  private prefixRows: { address: string; rows: PrefixRows } | undefined;

  constructor(
    private readonly model: DecoderModel,
    private readonly cache: KvCache,
    private readonly packId: string,
  ) {
    const { layers, kvHeads, headDim, theta } = model.config;
    this.arena = new Arena({ layers, kvHeads, headDim });
    this.runner = new Runner(model);
    this.rotary = rotaryTable({ positions: 16_384, headDim, theta, pairs: 'halves' });
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
    await this.ask(job);
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
    const { rows, keys, values } = await this.runner.prefill(
      isPrefix ? this.noPrefix() : this.prefixOf(sequence),
      embedded,
    );
    const { layers, kvHeads, headDim } = this.model.config;
    const size = kvHeads * rows * headDim;
    batch.forEach((run, i) => {
      for (let layer = 0; layer < layers; layer++) {
        const part = (data: Float32Array): Float32Array => data.subarray(i * size, (i + 1) * size);
        this.cache.store.writeLayer(run, layer, part(keys[layer]!), part(values[layer]!), rows);
      }
      this.cache.commit(run);
    });
    job.missing = job.missing.slice(batch.length);
    return tokens;
  }

  private noPrefix(): PrefixRows {
    const none = Array.from({ length: this.model.config.layers }, () => new Float32Array(0));
    return { tokens: 0, keys: none, values: none };
  }

  private prefixOf(sequence: Sequence): PrefixRows {
    if (!sequence.hasPrefix) return this.noPrefix();
    const run = sequence.runs[0]!;
    if (this.prefixRows?.address === run.address) return this.prefixRows.rows;
    const { layers, kvHeads, headDim } = this.model.config;
    const rows: PrefixRows = { tokens: run.tokens, keys: [], values: [] };
    for (let layer = 0; layer < layers; layer++) {
      const keys = new Float32Array(kvHeads * run.tokens * headDim);
      const values = new Float32Array(keys.length);
      for (let head = 0; head < kvHeads; head++) {
        const at = head * run.tokens * headDim;
        const { rotary } = this;
        this.cache.store.gather({
          layer,
          head,
          pages: run.pages,
          keys,
          keysAt: at,
          values,
          valuesAt: at,
          rotary,
          position: 0,
        });
      }
      rows.keys.push(keys);
      rows.values.push(values);
    }
    this.prefixRows = { address: run.address, rows };
    return rows;
  }

  /** Builds the working set and feeds the question. */
  private async ask(job: Job): Promise<void> {
    const { sequence } = job;
    const { layers, kvHeads, hidden, vocabulary } = this.model.config;
    const pages = sequence.runs.flatMap((run) => run.pages);
    const rows = sequence.runs.reduce((sum, run) => sum + run.tokens, 0);
    const working = this.arena.add(rows + sequence.question.tokens + Math.min(sequence.sampling.maxTokens, 64));
    sequence.working = working;
    for (let layer = 0; layer < layers; layer++)
      for (let head = 0; head < kvHeads; head++) {
        const at = working.at(head, 0);
        const [keys, values] = [this.arena.keys[layer]!, this.arena.values[layer]!];
        this.cache.store.gather({
          layer,
          head,
          pages,
          keys,
          keysAt: at,
          values,
          valuesAt: at,
          rotary: this.rotary,
          position: 0,
        });
        working.show(layer, head, 0, rows);
      }
    working.length = rows;
    sequence.selectedTokens = rows + sequence.question.tokens;
    sequence.times.selected = performance.now();
    const embedded = sequence.question.embed();
    let logits: Float32Array | undefined;
    for (let from = 0; from < sequence.question.tokens; from += QUESTION_TOKENS) {
      const chunk = embedded.subarray(from * hidden, (from + QUESTION_TOKENS) * hidden);
      const last = chunk.length / hidden - 1;
      ({ logits } = await this.runner.step(this.arena, working.slot, 1, chunk, [last]));
    }
    job.state = 'decode';
    this.take(job, logits!.subarray(0, vocabulary));
  }

  private async decode(running: readonly Job[]): Promise<void> {
    const { hidden, vocabulary } = this.model.config;
    const count = this.arena.members.length;
    const embeddings = new Float32Array(count * hidden);
    for (const { sequence } of running)
      this.model.embeddings.row(sequence.answer.at(-1)!, embeddings, sequence.working!.slot * hidden);
    const active = new Set(running.map(({ sequence }) => sequence.working!));
    const all = Array.from({ length: count }, (_, i) => i);
    const { logits } = await this.runner.step(this.arena, 0, count, embeddings, all, (member) => active.has(member));
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
