import type { JobsOptions } from 'bullmq';
import type { JobName } from '#contracts';

/** One queue per resource: what competes for the processor, and what the decoder batches. */
export const QUEUES = ['media', 'answer'] as const;
export type QueueName = (typeof QUEUES)[number];

export type Priority = 'interactive' | 'batch';

/** What `bullOptions` made of it, back. */
export const priorityOf = ({ priority }: JobsOptions): Priority => (priority ? 'batch' : 'interactive');

/** The one place where a job's options are chosen. */
export const JOB_OPTIONS: Record<JobName, { queue: QueueName; attempts: number }> = {
  'media.ingest': { queue: 'media', attempts: 3 },
  'media.see': { queue: 'media', attempts: 3 },
  'media.hear': { queue: 'media', attempts: 3 },
  'media.compose': { queue: 'media', attempts: 3 },
  'media.extract': { queue: 'media', attempts: 3 },
  answer: { queue: 'answer', attempts: 3 },
};

/**
 * A job whose worker died this often is the cause of the deaths, not their victim. A victim may meet many: with a worker killed every
 * five seconds on two busy cores, one request in four had a job that met five (`npm run e2e`).
 */
export const MAX_DEATHS = 20;

/**
 * A worker that has said nothing for this long counts as dead. It speaks three times in that time, so an event loop has to stand still for
 * six seconds to lose its jobs by mistake; then they are done twice and end once (`npm run bench -- queue` prints the longest stall).
 */
export const LOCK_MS = 9_000;
export const LOCK_RENEW_MS = 3_000;
export const STALLED_CHECK_MS = 2_000;

/** Leaving asks the queue's server several things. One that does not answer must not keep the process: others take over its jobs. */
export const LEAVE_MS = 3_000;

/** A database or a bucket that is away is not the job's fault: so often it is tried again before its attempts are counted. */
export const OUTAGE_PAUSES_MS = [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000];

export function bullOptions(name: JobName, priority: Priority): JobsOptions {
  return {
    attempts: JOB_OPTIONS[name].attempts,
    // 0.3 to 0.6 s, then 0.6 to 1.2 s: jitter keeps jobs that failed together from coming back together.
    backoff: { type: 'exponential', delay: 600, jitter: 0.5 },
    failParentOnFailure: true,
    // BullMQ: no priority comes before every priority.
    ...(priority === 'batch' ? { priority: 10 } : {}),
    // Results and outcomes are in the journal.
    removeOnComplete: true,
    removeOnFail: true,
  };
}
