import { randomBytes, randomUUID } from 'node:crypto';
import { FlowProducer, Queue, type ConnectionOptions, type IQueueBackend } from 'bullmq';
import type pg from 'pg';
import {
  JOBS,
  TesseraError,
  type ErrorBody,
  type JobName,
  type JobResult,
  type JobState,
  type JobTree,
} from '#contracts';
import { orAfter, traceCarrier, type Config } from '#platform';
import { openPostgres, openRedis, type Backend } from './backend.js';
import { toBoard, type BaseAdapter, type OurQueue } from './board.js';
import { checkTree, queueName, toFlow } from './flow.js';
import type { Handlers } from './handlers.js';
import { Host, type HostOptions } from './host.js';
import {
  PRIVATE_PREFIX,
  type Change,
  type JournalEvent,
  type ListFilter,
  type TreeRecord,
  type TreeState,
  type UnfinishedState,
} from './journal/journal.js';
import { LOST_AFTER_MS, Mender } from './mender.js';
import { LEAVE_MS, QUEUES, type Priority } from './options.js';

export interface JobsOptions {
  config: Pick<Config, 'queue'>;
  /** The database of `openDatabase`; used unless TESSERA_QUEUE_URL names a Redis. */
  connection: pg.PoolConfig;
  /**
   * `shared` (default): every process on this database or Redis works on the same jobs. `private`: only this process sees and runs
   * what it submits, and nothing of it remains.
   */
  scope?: 'shared' | 'private' | (string & {});
}

export interface JobStatus {
  id: string;
  /** Name of the root job. */
  kind: JobName;
  state: JobState;
  stage: string | null;
  /** 0 to 100 within the stage. */
  percent: number | null;
  error: ErrorBody | null;
  createdAt: Date;
  startedAt: Date | null;
  finishedAt: Date | null;
}

const FINAL: readonly JobState[] = ['completed', 'failed', 'cancelled'];
/** A change that was not heard of (a lost connection) is found after this long. */
const POLL_MS = 5_000;
const SWEEP_MS = 10 * 60_000;

const toStatus = (record: TreeState): JobStatus => ({
  id: record.id,
  kind: record.root,
  state: record.state,
  stage: record.progress?.stage ?? null,
  percent: record.progress?.percent ?? null,
  error: record.error,
  createdAt: record.createdAt,
  startedAt: record.startedAt,
  finishedAt: record.finishedAt,
});

function known<T>(id: string, found: T | undefined): T {
  if (!found) throw new TesseraError('job_not_found', `There is no job ${id}; results are kept for a limited time.`);
  return found;
}

/** Submits trees of jobs, follows them, and hosts their handlers. One object per process. */
export class Jobs {
  private readonly producer: FlowProducer<IQueueBackend, ConnectionOptions>;
  private readonly watchers = new Map<string, Set<(change: Change) => void>>();
  private host_: Host | undefined;
  private sweeper: NodeJS.Timeout | undefined;
  private mender: Mender | undefined;
  private mending: NodeJS.Timeout | undefined;
  private closing: Promise<void> | undefined;
  /** Opened for those who run the service. */
  private queues_: readonly OurQueue[] | undefined;

  private constructor(
    private readonly backend: Backend,
    private readonly scope: string,
    private readonly config: Config['queue'],
    private readonly isPrivate: boolean,
  ) {
    this.producer = new FlowProducer({ connection: backend.connection }, backend.factory);
    this.producer.on('error', () => undefined);
    backend.journal.onChange((tree, change) => this.watchers.get(tree)?.forEach((watcher) => watcher(change)));
  }

  static async open({ config, connection, scope = 'shared' }: JobsOptions): Promise<Jobs> {
    const isPrivate = scope === 'private';
    const name = isPrivate
      ? `${PRIVATE_PREFIX}${process.pid}-${randomBytes(4).toString('hex')}`
      : scope === 'shared'
        ? 'tessera'
        : scope;
    const { url, resultSeconds } = config.queue;
    const backend = url ? await openRedis(url, name, resultSeconds) : await openPostgres(connection, name, !isPrivate);
    return new Jobs(backend, name, config.queue, isPrivate);
  }

  /**
   * Queues a tree and returns its id, which is `options.id` when given. Payloads are checked here.
   * Throws `invalid_request`.
   */
  async submit(tree: JobTree, options: { id?: string; priority?: Priority; owner?: string } = {}): Promise<string> {
    const { id = randomUUID(), priority = 'interactive', owner = '' } = options;
    const spec = checkTree(tree);
    await this.backend.journal.begin({ id, root: spec.name, spec, priority, owner });
    try {
      await this.producer.add(toFlow(spec, id, this.scope, priority, traceCarrier()));
    } catch (error) {
      await this.backend.journal.remove(id);
      throw error;
    }
    return id;
  }

  /** Throws `job_not_found`. */
  async status(id: string): Promise<JobStatus> {
    return toStatus(await this.state(id));
  }

  private async state(id: string): Promise<TreeState> {
    return known(id, await this.backend.journal.state(id));
  }

  private async record(id: string): Promise<TreeRecord> {
    return known(id, await this.backend.journal.read(id));
  }

  /** Waits for the end of a tree. Throws the error of the job that failed it, with its code and message. Aborting ends the wait only. */
  async result<N extends JobName = JobName>(
    id: string,
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<JobResult<N>> {
    for (;;) {
      const change = this.nextChange(id, ['end'], signal);
      try {
        const record = await this.record(id);
        if (record.state === 'completed') return JOBS[record.root].result.parse(record.result) as JobResult<N>;
        if (record.error) throw TesseraError.fromBody(record.error);
      } catch (error) {
        change.stop();
        throw error;
      }
      await change.promise;
      if (signal?.aborted) throw new TesseraError('cancelled', 'The result is no longer waited for.');
    }
  }

  /** Everything that happens to a tree, from its beginning or behind `after`, until it has ended. Aborting ends the iteration. */
  async *events(
    id: string,
    { after, signal }: { after?: string; signal?: AbortSignal } = {},
  ): AsyncGenerator<JournalEvent> {
    await this.state(id);
    let place = after;
    for (let ended = false; ;) {
      const change = this.nextChange(id, ['event', 'end'], signal);
      let wait = false;
      try {
        const entries = await this.backend.journal.events(id, place);
        for (const entry of entries) {
          yield entry;
          place = entry.id;
          if (entry.event.type === 'state' && FINAL.includes(entry.event.state)) return;
        }
        // Whoever asks behind the last event of an ended tree gets nothing more; a tree that ended just now has one more to tell.
        if (ended || signal?.aborted) return;
        ended = entries.length === 0 && FINAL.includes((await this.state(id)).state);
        wait = !ended;
      } finally {
        if (!wait) change.stop();
      }
      await change.promise;
      if (signal?.aborted) return;
    }
  }

  /** Resolves at the next change of a tree, after a while without one, or when `signal` aborts. Heard from the moment of the call. */
  private nextChange(
    id: string,
    kinds: readonly Change[],
    signal?: AbortSignal,
  ): { promise: Promise<void>; stop: () => void } {
    let stop = (): void => undefined;
    const promise = new Promise<void>((resolve) => {
      const watcher = (change: Change) => {
        if (kinds.includes(change)) stop();
      };
      const timer = setTimeout(() => stop(), POLL_MS);
      const watchers = this.watchers.get(id) ?? new Set();
      this.watchers.set(id, watchers.add(watcher));
      stop = () => {
        clearTimeout(timer);
        watchers.delete(watcher);
        if (watchers.size === 0 && this.watchers.get(id) === watchers) this.watchers.delete(id);
        signal?.removeEventListener('abort', stop);
        resolve();
      };
      if (signal?.aborted) stop();
      else signal?.addEventListener('abort', stop, { once: true });
    });
    return { promise, stop };
  }

  /** Ends a tree; its running jobs are aborted in whatever process they are. False when it had ended already. */
  async cancel(id: string): Promise<boolean> {
    await this.state(id);
    const error = { code: 'cancelled', message: 'The job was cancelled.' } as const;
    return this.backend.journal.finish(id, { state: 'cancelled', error });
  }

  /** Submits a failed or cancelled tree again, as a new one. Throws `job_not_found` or `conflict`. */
  async retry(id: string, options: { owner?: string } = {}): Promise<string> {
    const { spec, state, priority } = await this.record(id);
    if (state !== 'failed' && state !== 'cancelled')
      throw new TesseraError('conflict', `The job ${id} is ${state}; only failed and cancelled jobs can be run again.`);
    return this.submit(spec, { priority, ...options });
  }

  /** Newest first; `before` is the id of the last one of the page before. */
  async list(filter: ListFilter): Promise<JobStatus[]> {
    return (await this.backend.journal.list(filter)).map(toStatus);
  }

  /** How many trees there are by their state, also those that have ended and are still kept. */
  counts(): Promise<Record<JobState, number>> {
    return this.backend.journal.counts();
  }

  /** What was asked for and what came of it, beside the status. Throws `job_not_found`. */
  async inspect(id: string): Promise<JobStatus & Pick<TreeRecord, 'spec' | 'priority' | 'result'>> {
    const record = await this.record(id);
    const { spec, priority, result } = record;
    return { ...toStatus(record), spec, priority, result };
  }

  /** BullMQ's queues of this scope as Bull Board shows them. */
  boardQueues(): Promise<BaseAdapter[]> {
    return toBoard(this.queues());
  }

  /** No more jobs are taken, by any worker, until `resume`; those that run go on. */
  async pause(): Promise<void> {
    await Promise.all(this.queues().map((queue) => queue.pause()));
  }

  async resume(): Promise<void> {
    await Promise.all(this.queues().map((queue) => queue.resume()));
  }

  async paused(): Promise<boolean> {
    return (await Promise.all(this.queues().map((queue) => queue.isPaused()))).some(Boolean);
  }

  private queues(): readonly OurQueue[] {
    return (this.queues_ ??= QUEUES.map((queue) => this.openQueue(queueName(this.scope, queue))));
  }

  private openQueue(name: string): OurQueue {
    const queue: OurQueue = new Queue(name, { connection: this.backend.connection }, this.backend.factory);
    queue.on('error', () => undefined);
    return queue;
  }

  /** Forgets a tree that has ended. */
  async remove(id: string): Promise<void> {
    const { state } = await this.state(id);
    if (!FINAL.includes(state)) throw new TesseraError('conflict', `The job ${id} is ${state}; cancel it first.`);
    await this.backend.journal.remove(id);
  }

  /** Trees that are waiting, or being worked on; of everybody or of one owner. */
  count(states: readonly UnfinishedState[], owner?: string): Promise<number> {
    return this.backend.journal.count(states, owner);
  }

  /** Starts working on jobs in this process. Throws `configuration` that names every missing, unknown or doubled handler. */
  host(
    handlers: Partial<Handlers> | Iterable<readonly [string, unknown]>,
    { lostAfterMs = LOST_AFTER_MS, ...options }: Partial<HostOptions> & { lostAfterMs?: number } = {},
  ): void {
    if (this.host_) throw new TesseraError('configuration', 'The jobs are hosted already.');
    const concurrency = { media: this.config.cpuJobs, answer: this.config.answerJobs };
    this.host_ = new Host(this.backend, this.scope, handlers, { concurrency, ...options });
    const sweep = () => void this.backend.journal.sweep(this.config.resultSeconds).catch(() => undefined);
    this.sweeper = setInterval(sweep, SWEEP_MS).unref();
    if (this.isPrivate) return;
    sweep();
    const { journal } = this.backend;
    const mender = (this.mender = new Mender({
      journal,
      producer: this.producer,
      queues: () => this.queues(),
      scope: this.scope,
      lostAfterMs,
    }));
    this.mending = setInterval(() => void mender.mend(), lostAfterMs).unref();
    void mender.mend();
  }

  /** Jobs running in this process. */
  get active(): number {
    return this.host_?.active ?? 0;
  }

  /** Takes no more jobs, lets the running ones end (those that need longer than `graceMs` go back to the queue), and disconnects. */
  close({ graceMs = 30_000 }: { graceMs?: number } = {}): Promise<void> {
    this.closing ??= (async () => {
      clearInterval(this.sweeper);
      clearInterval(this.mending);
      await orAfter(LEAVE_MS, this.mender?.settled() ?? Promise.resolve(), undefined);
      await this.host_?.close(graceMs);
      if (this.isPrivate) await this.removeTraces();
      await orAfter(LEAVE_MS, this.disconnect(), undefined);
    })();
    return this.closing;
  }

  private async disconnect(): Promise<void> {
    await Promise.all((this.queues_ ?? []).map((queue) => queue.close()));
    await this.producer.close();
    await this.backend.close();
  }

  private async removeTraces(): Promise<void> {
    const { journal } = this.backend;
    for (const scope of [this.scope, ...(await journal.abandoned())]) {
      await Promise.all(QUEUES.map((queue) => this.obliterate(queueName(scope, queue))));
      await journal.clear(scope);
    }
  }

  private async obliterate(name: string): Promise<void> {
    const queue = this.openQueue(name);
    await queue.obliterate({ force: true });
    await queue.close();
  }
}
