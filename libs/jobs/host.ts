import { setTimeout as sleep } from 'node:timers/promises';
import {
  DelayedError,
  UnrecoverableError,
  WaitingError,
  Worker,
  type ConnectionOptions,
  type IQueueBackend,
  type Job,
  type JobProgress,
} from 'bullmq';
import { z } from 'zod';
import { JOBS, TesseraError, type JobName } from '#contracts';
import { beginWork, counter, createLogger, gauge, histogram, storable } from '#platform';
import type { Backend } from './backend.js';
import { orderChildren, queueName, type JobData } from './flow.js';
import { checkHandlers, type AnyHandler, type Handlers, type JobContext } from './handlers.js';
import {
  LEAVE_MS,
  LOCK_MS,
  LOCK_RENEW_MS,
  MAX_DEATHS,
  OUTAGE_PAUSES_MS,
  STALLED_CHECK_MS,
  priorityOf,
  type QueueName,
} from './options.js';
import { isOutage } from './outage.js';
import { Outbox } from './outbox.js';

const log = createLogger('jobs');
const seconds = histogram('tessera_job_seconds', 'Time that a job was worked on, by its end.');
const tokens = counter('tessera_answer_tokens_total', 'Answer tokens told.');

const active = gauge('tessera_jobs_active', 'Jobs that this process is working on.');

export interface HostOptions {
  /** Queues to work on; default: all. */
  queues?: readonly QueueName[];
  concurrency: Record<QueueName, number>;
}

type OurJob = Job<JobData, unknown, JobName>;
type OurWorker = Worker<JobData, unknown, string, IQueueBackend, JobProgress, ConnectionOptions>;

/** Aborts running jobs because the process has to go; they return to the queue. */
const LEAVING = Symbol('leaving');

const attributesOf = (job: OurJob) => ({
  'messaging.system': 'bullmq',
  'messaging.destination.name': job.queueName,
  'messaging.message.id': job.id ?? '',
  'tessera.job': job.data.tree,
  'tessera.attempt': job.attemptsStarted,
  'tessera.queued_ms': Math.max(0, Date.now() - job.timestamp),
});

/** Runs handlers for jobs of the queues. BullMQ claims and moves the jobs; this decides what a job's end means for its tree. */
export class Host {
  private readonly workers: OurWorker[];
  private readonly outbox: Outbox;
  private readonly handlers: Map<JobName, AnyHandler>;
  /** Aborts of the running jobs by tree. */
  private readonly running = new Map<string, Set<AbortController>>();

  constructor(
    private readonly backend: Backend,
    private readonly scope: string,
    handlers: Partial<Handlers> | Iterable<readonly [string, unknown]>,
    options: HostOptions,
  ) {
    const queues = options.queues ?? (Object.keys(options.concurrency) as QueueName[]);
    this.handlers = checkHandlers(handlers, queues);
    this.outbox = new Outbox(backend.journal);
    backend.journal.onChange((tree, change) => {
      if (change === 'end') this.abort(tree);
    });
    this.workers = queues.map((queue) => this.work(queueName(scope, queue), options.concurrency[queue]));
  }

  private work(name: string, concurrency: number): OurWorker {
    const worker: OurWorker = new Worker(
      name,
      (job, token) => this.run(job as OurJob, token),
      {
        connection: this.backend.connection,
        concurrency,
        lockDuration: LOCK_MS,
        lockRenewTime: LOCK_RENEW_MS,
        stalledInterval: STALLED_CHECK_MS,
        // Ours to judge, by MAX_DEATHS: BullMQ's own limit would fail the job where no tree hears of it.
        maxStalledCount: 1_000_000,
      },
      this.backend.factory,
    );
    worker.on('error', (error) => log.warn({ queue: name, error: error.message }, 'the queue has a fault'));
    return worker;
  }

  private abort(tree: string): void {
    for (const controller of this.running.get(tree) ?? []) controller.abort();
  }

  private track(tree: string): { controller: AbortController; untrack: () => void } {
    const controller = new AbortController();
    const controllers = this.running.get(tree) ?? new Set();
    this.running.set(tree, controllers.add(controller));
    active.set(this.active);
    const untrack = () => {
      controllers.delete(controller);
      if (controllers.size === 0) this.running.delete(tree);
      active.set(this.active);
    };
    return { controller, untrack };
  }

  private context(job: OurJob, signal: AbortSignal): JobContext {
    const { tree, children } = job.data;
    const results = async () => orderChildren(children, await job.getChildrenValues());
    // Read once: the transcript of some hours is a megabyte.
    let known: ReturnType<typeof results> | undefined;
    return {
      id: tree,
      signal,
      attempt: job.attemptsStarted,
      priority: priorityOf(job.opts),
      emit: (event) => {
        if (event.type === 'token') tokens.add();
        this.outbox.add(tree, event);
      },
      children: async () => (children.length === 0 ? [] : (known ??= results())),
    };
  }

  private async run(job: OurJob, token: string | undefined): Promise<unknown> {
    const { tree, payload } = job.data;
    const { journal } = this.backend;
    // Tracked before the tree is looked up: an end between the two aborts this job.
    const { controller, untrack } = this.track(tree);
    const begun = performance.now();
    let end = 'failed';
    const work = beginWork(job.name, { kind: 'consumer', from: job.data.trace, attributes: attributesOf(job) });
    try {
      if (!(await journal.start(tree))) throw new UnrecoverableError('The tree has ended.');
      if (job.stalledCounter >= MAX_DEATHS)
        throw new TesseraError(
          'internal',
          `${job.name} was given up: ${MAX_DEATHS} workers died while they worked on it.`,
        );
      // Whoever follows the tree must know that what this job told before is told again.
      if (job.attemptsStarted > 1) this.outbox.add(tree, { type: 'state', state: 'queued' });
      const handler = this.handlers.get(job.name) as AnyHandler;
      const handle = () => handler(JOBS[job.name].payload.parse(payload), this.context(job, controller.signal));
      const value = await (work ? work.within(handle) : handle());
      const { data: result, error: broken } = JOBS[job.name].result.safeParse(value);
      if (broken) throw new TypeError(`the result of ${job.name} breaks its contract: ${z.prettifyError(broken)}`);
      controller.signal.throwIfAborted();
      end = 'completed';
      // What was read in a file may hold what the queue's database cannot.
      if (job.id !== tree) return storable(result);
      await this.outbox.flush(tree);
      await journal.finish(tree, { state: 'completed', result });
      return null;
    } catch (error) {
      return await this.fail(job, token, error, controller.signal);
    } finally {
      untrack();
      work?.end(end === 'failed' ? { error: end } : {});
      seconds.observe((performance.now() - begun) / 1000, { job: job.name, end });
    }
  }

  private async fail(job: OurJob, token: string | undefined, thrown: unknown, signal: AbortSignal): Promise<never> {
    const { tree } = job.data;
    if (thrown instanceof UnrecoverableError) throw thrown;
    if (signal.reason === LEAVING) {
      await job.moveToWait(token);
      throw new WaitingError();
    }
    if (signal.aborted) throw new UnrecoverableError('The tree has ended.');
    if (isOutage(thrown)) {
      const outages = job.attemptsStarted - job.attemptsMade - job.stalledCounter - 1;
      const pauseMs = OUTAGE_PAUSES_MS[Math.max(0, outages)];
      if (pauseMs !== undefined) return this.delay(job, token, pauseMs, thrown);
    }
    const error = TesseraError.from(thrown);
    if (error.code === 'internal') log.error({ tree, job: job.name, err: thrown }, 'a job failed');
    if (error.transient && job.attemptsMade + 1 < (job.opts.attempts ?? 1) && job.stalledCounter < MAX_DEATHS)
      throw error;
    await this.outbox.flush(tree);
    try {
      await this.backend.journal.finish(tree, { state: 'failed', error: error.toBody() });
    } catch (unwritten) {
      // Forgotten by the queue now, its tree would never end.
      if (isOutage(unwritten)) return this.delay(job, token, OUTAGE_PAUSES_MS.at(-1) ?? 0, unwritten);
      throw unwritten;
    }
    throw new UnrecoverableError(`${error.code}: ${error.message}`);
  }

  /** Gives a job back to the queue for a while, without an attempt. Where that fails as well, its lock ends, and another worker takes it. */
  private async delay(job: OurJob, token: string | undefined, pauseMs: number, cause: unknown): Promise<never> {
    const { message } = cause as Error;
    log.warn({ tree: job.data.tree, job: job.name, error: message, pauseMs }, 'a store is away; the job waits for it');
    // Jobs that failed together are not to come back together.
    const at = Math.round(Date.now() + pauseMs * (0.5 + Math.random() / 2));
    await job.moveToDelayed(at, token).catch((error: Error) => log.warn({ error: error.message }, 'a job cannot wait'));
    throw new DelayedError();
  }

  /** Jobs that are running in this process. */
  get active(): number {
    return [...this.running.values()].reduce((sum, controllers) => sum + controllers.size, 0);
  }

  /**
   * Takes no more jobs and waits for the running ones; after `graceMs` they are aborted and go back to the queue. When its server does not
   * answer they stay where they are, and the next worker finds them.
   */
  async close(graceMs: number): Promise<void> {
    const closing = Promise.all(this.workers.map((worker) => worker.close()));
    const hurry = setTimeout(() => {
      for (const controllers of this.running.values()) for (const controller of controllers) controller.abort(LEAVING);
    }, graceMs);
    const over = new AbortController();
    await Promise.race([closing, this.unanswered(graceMs, over.signal)]);
    over.abort();
    clearTimeout(hurry);
  }

  /** Resolves when workers still have not closed though no job runs, or should run, any more. */
  private async unanswered(graceMs: number, signal: AbortSignal): Promise<void> {
    const end = Date.now() + graceMs + LEAVE_MS;
    do await sleep(LEAVE_MS, undefined, { signal }).catch(() => undefined);
    while (!signal.aborted && this.active > 0 && Date.now() < end);
  }
}
