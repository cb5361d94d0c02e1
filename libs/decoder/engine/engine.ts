import { TesseraError, type DecodeEvent, type DecodeRequest } from '#contracts';
import { Grammars } from '../grammar/json-constraint.js';
import { TokenTrie } from '../grammar/token-trie.js';
import type { DecoderStats } from '../host/messages.js';
import type { KvCache } from '../pool/kv-cache.js';
import { pagesFor } from '../pool/page-pool.js';
import { MOST_POSITIONS, rotaryTable } from '../pool/rotary.js';
import { Arena } from '../runner/arena.js';
import type { DecoderModel } from '../runner/model.js';
import { Runner } from '../runner/runner.js';
import { assertRoomInQueue, sharedTokens, type StepCosts } from '../scheduler/load.js';
import { DEFAULT_LIMITS, FIRST_TURN, schedule, type Plan, type Turn } from '../scheduler/schedule.js';
import { batches } from './batches.js';
import { chooseSegments } from './choice.js';
import { Filler } from './filler.js';
import { Job, type Listener } from './job.js';
import { PrefixCache } from './prefix-cache.js';
import { Reader } from './reader.js';
import { Sequence, type Choose } from './sequence.js';
import { Writer } from './writer.js';

/** Chunk of prefill (a multiple of the page size): what the schedule saves up for while answers run. */
const CHUNK = DEFAULT_LIMITS.burstTokens;
/** Share of memory for pages that a request may take whose segments are more than all of it: others go on beside it. */
const LARGEST_PART = 0.75;
/** Weight of the newest step in the measured costs. */
const NEWEST = 0.2;

/** Schedules, runs, samples: every step gives all running answers a token and fills pages with what time is left. */
export class Engine {
  private readonly jobs: Job[] = [];
  private readonly arena: Arena;
  private readonly filler: Filler;
  private readonly reader: Reader;
  private readonly writer: Writer;
  private readonly runner: Runner;
  private turn: Turn = FIRST_TURN;
  private readonly costs: StepCosts = { decode: 0, prefillToken: 0 };
  private grammars: Grammars | undefined;

  constructor(
    private readonly model: DecoderModel,
    private readonly cache: KvCache,
  ) {
    const { layers, kvHeads, headDim } = model.config;
    this.arena = new Arena({ layers, kvHeads, headDim }, !model.kernel?.holdsRows);
    this.runner = new Runner(model);
    const rotary = rotaryTable({ ...model.config, positions: MOST_POSITIONS, pairs: 'halves' });
    const prefixes = new PrefixCache(this.runner, cache.store, rotary);
    this.filler = new Filler(this.runner, cache, prefixes);
    const admitted = (): number => this.jobs.filter(({ phase }) => phase !== 'waiting').length;
    this.reader = new Reader(this.runner, cache.store, this.arena, prefixes, rotary, admitted);
    this.writer = new Writer(this.runner, this.arena);
  }

  get busy(): boolean {
    return this.jobs.length > 0;
  }

  stats(): DecoderStats {
    return {
      running: this.jobs.length,
      pool: this.cache.pool.stats(),
      kvBytes: this.cache.store.allocatedBytes,
      workingSetBytes: this.arena.bytes + (this.model.kernel?.heldBytes ?? 0),
      spillBytes: this.cache.spill?.bytes ?? 0,
    };
  }

  submit(id: number, request: DecodeRequest, listener: Listener): void {
    try {
      const emit = (event: DecodeEvent): void => listener.event(event);
      const sequence = new Sequence(id, request, this.model, this.model.id, emit, this.choose);
      const { jsonSchema } = sequence.sampling;
      if (jsonSchema) sequence.constraint = this.grammarsOf().forSchema(jsonSchema);
      this.assertRoom(sequence);
      this.jobs.push(new Job(sequence, listener));
    } catch (error) {
      listener.error(TesseraError.from(error));
    }
  }

  cancel(id: number): void {
    const job = this.jobs.find(({ sequence }) => sequence.id === id);
    if (job) this.fail(job, new TesseraError('cancelled', 'The work was cancelled.'));
  }

  /** Waits until pages are on disk. */
  async close(): Promise<void> {
    await this.cache.flush();
  }

  async step(): Promise<void> {
    // Pages whose filler went away are taken over before anything is planned.
    for (const job of this.jobs) if (job.phase === 'prefill') this.filler.settle(job, this.jobs);
    const plan = this.plan();
    this.turn = plan.turn;
    for (const id of plan.preempt) this.with(id, (job) => this.preempt(job));
    for (const id of plan.admit)
      await this.with(id, async (job) => {
        job.to('admit');
        await this.filler.admit(job);
      });
    const due: Job[] = [];
    for (const { id, tokens } of plan.prefill)
      await this.with(id, async (job) => {
        if (await this.prefill(job, tokens)) due.push(job);
      });
    await this.read(due);
    await this.decode(plan);
  }

  private plan(): Plan {
    const { pool } = this.cache;
    const { totalPages, pinnedPages } = pool.stats();
    const limits = { ...DEFAULT_LIMITS, sharedTokens: sharedTokens(this.costs, CHUNK, DEFAULT_LIMITS.stepTokens) };
    const sequences = this.jobs.map((job) => job.schedulable(CHUNK, pool));
    return schedule(
      { sequences, now: performance.now(), freePages: totalPages - pinnedPages, turn: this.turn },
      limits,
    );
  }

  /** @returns whether the question is to be read */
  private async prefill(job: Job, tokens: number): Promise<boolean> {
    const start = performance.now();
    const filled = await this.filler.fill(job, tokens, CHUNK);
    if (filled > 0) this.measure('prefillToken', (performance.now() - start) / filled);
    if (!this.filler.settle(job, this.jobs)) return false;
    // The question is a piece of its own, unless there is nothing else.
    if (filled > 0 && tokens <= filled) return false;
    if (!job.sequence.working) job.sequence.times.prefilled = performance.now();
    return true;
  }

  /** Reads the questions that are due in this step, of which those of similar length become neighbours; of a long one, a chunk. */
  private async read(due: readonly Job[]): Promise<void> {
    const entered: Job[] = [];
    const begun: Job[] = [];
    const first = new Map<Job, Float32Array>();
    for (const job of [...due].sort((a, b) => a.sequence.question.tokens - b.sequence.question.tokens))
      await this.with(job.sequence.id, async () => {
        if (job.sequence.working) return void begun.push(job);
        const logits = await this.reader.enter(job.sequence);
        if (job.sequence.questionLeft === 0) first.set(job, logits!);
        else if (!logits) entered.push(job);
      });
    const failed = new Map<Job, TesseraError>();
    for (const batch of [...questionBatches(entered), ...begun.map((job) => [job])])
      try {
        const logits = await this.reader.feed(batch.map(({ sequence }) => sequence));
        batch.forEach((job, i) => job.sequence.questionLeft === 0 && first.set(job, logits[i]!));
      } catch (error) {
        for (const job of batch) failed.set(job, TesseraError.from(error));
      }
    // Only now: who leaves changes the slots of others.
    for (const [job, error] of failed) this.fail(job, error);
    for (const [job, logits] of first)
      await this.with(job.sequence.id, async () => {
        job.to('prefilled');
        if (job.sequence.answer.length === 0) this.take(job, [logits]);
        else await this.reader.resume(job.sequence);
      });
  }

  private async decode(plan: Plan): Promise<void> {
    const running = this.jobs.filter(({ sequence, phase }) => phase === 'decode' && plan.decode.includes(sequence.id));
    if (running.length === 0) return;
    const start = performance.now();
    try {
      await this.writer.write(running, (job, logits, likeliest) => this.take(job, logits, likeliest));
    } catch (error) {
      for (const job of running) this.fail(job, TesseraError.from(error));
    }
    if (plan.prefill.length === 0) this.measure('decode', performance.now() - start);
  }

  /** @returns whether the answer goes on */
  private take(job: Job, logits: readonly Float32Array[], likeliest?: number): boolean {
    try {
      const reason = this.accept(job.sequence, logits, likeliest);
      if (reason === undefined) return true;
      job.sequence.finish(reason);
      this.leave(job, 'finish');
    } catch (error) {
      this.fail(job, TesseraError.from(error));
    }
    return false;
  }

  private accept(
    sequence: Sequence,
    logits: readonly Float32Array[],
    likeliest?: number,
  ): 'stop' | 'length' | undefined {
    const { beams, times } = sequence;
    // Of answers that are written side by side it is known now, and told when all is.
    times.firstToken ||= performance.now();
    if (!beams) return sequence.accept(logits[0]!, likeliest);
    const from = beams.advance(logits);
    if (from.length === 0) return sequence.acceptAll(beams.best);
    sequence.lanes = this.arena.follow(sequence.lanes, from);
    return undefined;
  }

  private async with(id: number, work: (job: Job) => void | Promise<void>): Promise<void> {
    const job = this.jobs.find(({ sequence }) => sequence.id === id);
    if (!job) return; // Cancelled since the plan was made.
    try {
      await work(job);
    } catch (error) {
      this.fail(job, TesseraError.from(error));
    }
  }

  private preempt(job: Job): void {
    job.to('preempt');
    job.preemptions++;
    job.unfilled = [];
    this.releaseMemory(job.sequence);
  }

  private fail(job: Job, error: TesseraError): void {
    if (this.leave(job, 'fail')) job.listener.error(error);
  }

  private leave(job: Job, event: 'finish' | 'fail'): boolean {
    const at = this.jobs.indexOf(job);
    if (at < 0) return false;
    this.jobs.splice(at, 1);
    job.to(event);
    this.releaseMemory(job.sequence);
    return true;
  }

  private releaseMemory(sequence: Sequence): void {
    for (const lane of sequence.lanes) this.arena.remove(lane);
    sequence.lanes = [];
    sequence.questionRead = 0;
    this.cache.release(sequence.runs);
    sequence.runs = [];
  }

  /** What of a request is read, where it leaves that open. */
  private readonly choose: Choose = (demands, { enoughTokens, prior = [] }) => {
    const { pool } = this.cache;
    if (enoughTokens === undefined || pool.estimate(demands).possible) return [...demands.keys()];
    const pages = Math.floor(pool.totalPages * LARGEST_PART);
    const offered = demands.map(({ address, tokens }, i) => ({
      tokens,
      pages: pagesFor(tokens),
      prior: prior[i] ?? 0,
      lies: this.cache.placeOf(address),
    }));
    return chooseSegments(offered, { pages, enough: enoughTokens });
  };

  private assertRoom(sequence: Sequence): void {
    if (!this.cache.pool.estimate(sequence.demands).possible)
      throw new TesseraError(
        'context_too_long',
        `${sequence.pagedTokens} tokens are more than KV memory holds; raise TESSERA_KV_MEMORY or send less media.`,
      );
    const waiting = this.jobs.filter(({ phase }) => phase === 'waiting');
    const missing = ({ demands }: Sequence): number =>
      demands.reduce((sum, { address, tokens }) => sum + (this.cache.pool.has(address) ? 0 : tokens), 0);
    const queuedTokens = waiting.reduce((sum, job) => sum + missing(job.sequence), 0);
    const load = { waiting: waiting.length, queuedTokens, newTokens: missing(sequence) };
    assertRoomInQueue(load, 1000 / (this.costs.prefillToken || 1));
  }

  private grammarsOf(): Grammars {
    const { tokenizer, config } = this.model;
    const bytes = (): (Uint8Array | undefined)[] =>
      Array.from({ length: config.vocabulary }, (_, id) =>
        tokenizer.isControl(id) ? undefined : tokenizer.tokenBytes(id),
      );
    return (this.grammars ??= new Grammars(new TokenTrie(bytes()), [tokenizer.stopId]));
  }

  private measure(cost: keyof StepCosts, milliseconds: number): void {
    const known = this.costs[cost];
    this.costs[cost] = known === 0 ? milliseconds : known + NEWEST * (milliseconds - known);
  }
}

function questionBatches(jobs: readonly Job[]): Job[][] {
  const questions = jobs.map(({ sequence }) => ({ slot: sequence.working!.slot, tokens: sequence.question.tokens }));
  return batches(questions).map((batch) => batch.map((i) => jobs[i]!));
}
