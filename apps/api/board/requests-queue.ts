import type {
  JobCleanStatus,
  JobCounts,
  JobState as BoardState,
  JobStatus as BoardStatus,
  QueueJob,
  QueueMetrics,
  Status,
} from '@bull-board/api/typings/app';
import { BaseAdapter } from '@bull-board/api/dist/queueAdapters/base.js';
import { TesseraError, type JobState } from '#contracts';
import type { Jobs, JobStatus } from '#jobs';
import type { Records, RequestRecord } from '#storage';

/** Where a state of ours stands on the board. It has no place for what was cancelled, which is nobody's dead letter. */
const PLACES = { waiting: 'queued', active: 'running', completed: 'completed', failed: 'failed' } as const;
const SHOWN = Object.entries(PLACES) as [keyof typeof PLACES, JobState][];
const CLEANED: Record<JobCleanStatus, JobState | undefined> = {
  completed: 'completed',
  failed: 'failed',
  wait: 'queued',
  active: 'running',
  delayed: undefined,
};
const PAGE = 100;

const placeOf = (state: JobState): BoardState => SHOWN.find(([, ours]) => ours === state)?.[0] ?? 'unknown';

/** Bull Board answers with the status of what it catches. */
const refuse = (what: string): never => {
  throw Object.assign(new Error(`${what}: requests come by the API.`), { statusCode: 400 });
};

export interface RequestsParts {
  jobs: Jobs;
  records: Records;
  /** A failed request once more, as a new job of its tenant. */
  runAgain: (record: RequestRecord) => Promise<string>;
}

/**
 * What was asked for and what became of it, of all tenants, as a queue of Bull Board: BullMQ forgets jobs when they end, and the journal
 * knows. Its buttons do what the API does: a failed request is run again as a new job of its tenant and leaves the list, what has ended is
 * forgotten, what has not is cancelled.
 */
export class RequestsQueue extends BaseAdapter {
  constructor(private readonly parts: RequestsParts) {
    super('bull', {
      displayName: 'requests',
      description: 'What was asked for, by all keys, and what became of it. Failed ones are the dead letters.',
      allowCompletedRetries: false,
    });
  }

  getName(): string {
    return 'requests';
  }

  getStatuses(): Status[] {
    return ['latest', ...this.getJobStatuses()];
  }

  getJobStatuses(): BoardStatus[] {
    return ['active', 'waiting', 'completed', 'failed'];
  }

  async getJobCounts(): Promise<JobCounts> {
    const counts = await this.parts.jobs.counts();
    return Object.fromEntries(SHOWN.map(([place, state]) => [place, counts[state]])) as JobCounts;
  }

  /** `start` and `end` are places of the first and last one. */
  async getJobs(places: BoardStatus[], start = 0, end = PAGE - 1): Promise<QueueJob[]> {
    const states = SHOWN.filter(([place]) => places.includes(place)).map(([, state]) => state);
    if (states.length === 0) return [];
    const found = await this.parts.jobs.list({ states, skip: start, limit: Math.max(0, end - start + 1) });
    return Promise.all(found.map((status) => this.toJob(status)));
  }

  async getJob(id: string): Promise<QueueJob | undefined> {
    const found = await this.parts.jobs.inspect(id).catch(() => undefined);
    if (!found) return undefined;
    return this.toJob(found, { asked: found.spec, priority: found.priority }, found.result);
  }

  private async toJob(status: JobStatus, more: Record<string, unknown> = {}, result?: unknown): Promise<QueueJob> {
    const { id, kind, error, stage, percent } = status;
    const record = await this.parts.records.findRequest(id);
    return {
      opts: {},
      promote: () => Promise.resolve(),
      remove: () => this.remove(id),
      retry: () => this.retry(id, record),
      getState: async () => placeOf((await this.parts.jobs.status(id)).state),
      toJSON: () => ({
        id,
        name: record?.kind ?? kind,
        progress: stage === null ? 0 : { stage, percent },
        attemptsMade: 0,
        timestamp: status.createdAt.getTime(),
        processedOn: status.startedAt?.getTime() ?? null,
        finishedOn: status.finishedAt?.getTime() ?? null,
        failedReason: error ? `${error.code}: ${error.message}` : '',
        stacktrace: [],
        data: { tenant: record?.tenant ?? null, kind: record?.kind ?? null, ...more },
        returnvalue: result ?? null,
        opts: {},
      }),
    };
  }

  /** What has ended is forgotten; what has not is cancelled. */
  private async remove(id: string): Promise<void> {
    const { jobs, records } = this.parts;
    const { state } = await jobs.status(id);
    if ((state === 'queued' || state === 'running') && (await jobs.cancel(id))) return;
    await jobs.remove(id);
    await records.deleteRequest(id);
  }

  private async retry(id: string, record: RequestRecord | undefined): Promise<void> {
    if (!record) throw new TesseraError('job_not_found', `Nobody's request is ${id} any more.`);
    await this.parts.runAgain(record);
    await this.remove(id);
  }

  /** Those that are there now: what is cancelled or forgotten makes room for the next page. */
  async clean(place: JobCleanStatus): Promise<void> {
    const state = CLEANED[place];
    if (!state) return;
    for (let left = (await this.parts.jobs.counts())[state]; left > 0; left -= PAGE) {
      const page = await this.parts.jobs.list({ states: [state], limit: Math.min(PAGE, left) });
      // One that ended or went meanwhile is no fault.
      for (const { id } of page) await this.remove(id).catch(() => undefined);
    }
  }

  async isPaused(): Promise<boolean> {
    return this.parts.jobs.paused();
  }

  pause(): Promise<void> {
    return this.parts.jobs.pause();
  }

  resume(): Promise<void> {
    return this.parts.jobs.resume();
  }

  empty(): Promise<void> {
    return this.clean('wait');
  }

  // What a queue of BullMQ has and requests have not.
  addJob = (): Promise<QueueJob> => refuse('Nothing is added here');
  obliterate = (): Promise<void> => refuse('Nothing is obliterated here');
  setGlobalConcurrency = (): Promise<void> => refuse('Concurrency is a setting of workers');
  updateJobScheduler = (): Promise<'not-found'> => Promise.resolve('not-found');
  runJobSchedulerNow = (): Promise<'not-found'> => Promise.resolve('not-found');
  removeJobScheduler = (): Promise<boolean> => Promise.resolve(false);
  getJobSchedulers = (): Promise<[]> => Promise.resolve([]);
  getJobSchedulersCount = (): Promise<number> => Promise.resolve(0);
  getGlobalConcurrency = (): Promise<null> => Promise.resolve(null);
  getJobLogs = (): Promise<string[]> => Promise.resolve([]);
  getRedisInfo = (): Promise<null> => Promise.resolve(null);
  promoteAll = (): Promise<void> => Promise.resolve();
  getMetrics = (): Promise<QueueMetrics> =>
    Promise.resolve({ meta: { count: 0, prevTS: 0, prevCount: 0 }, data: [], count: 0 });
}
