import { JOBS, TesseraError, type JobEvent, type JobName, type JobPayload, type JobResult } from '#contracts';
import { JOB_OPTIONS, type Priority, type QueueName } from './options.js';

export interface JobContext {
  /** Id of the whole tree, as `submit` gave it. */
  id: string;
  /** Aborts when the tree is cancelled or has failed elsewhere, and when the process has to go. */
  signal: AbortSignal;
  /** Which try this is, from 1. */
  attempt: number;
  /** Whether somebody waits for it. */
  priority: Priority;
  /** Tells whoever follows the tree. Never blocks; events of one job arrive in order. */
  emit(event: JobEvent): void;
  /** Results of the child jobs in the order in which they were submitted. */
  children(): Promise<{ name: JobName; result: unknown }[]>;
}

export type Handler<N extends JobName> = (payload: JobPayload<N>, context: JobContext) => Promise<JobResult<N>>;
export type Handlers = { [N in JobName]: Handler<N> };
export type AnyHandler = (payload: unknown, context: JobContext) => Promise<unknown>;

/**
 * Handlers by job name, for the given queues. Throws one `configuration` error that names every job without a handler, every
 * handler without a job, and every job with two.
 */
export function checkHandlers(
  handlers: Partial<Handlers> | Iterable<readonly [string, unknown]>,
  queues: readonly QueueName[],
) {
  const entries: [string, unknown][] =
    Symbol.iterator in handlers ? [...handlers].map(([name, handler]) => [name, handler]) : Object.entries(handlers);
  const wanted = (Object.keys(JOBS) as JobName[]).filter((name) => queues.includes(JOB_OPTIONS[name].queue));
  const names = entries.map(([name]) => name);
  const faults = [
    ...wanted.filter((name) => !names.includes(name)).map((name) => `${name} has no handler`),
    ...names.filter((name) => !(name in JOBS)).map((name) => `${name} is not a job`),
    ...[...new Set(names.filter((name, i) => names.indexOf(name) !== i))].map(
      (name) => `${name} has more than one handler`,
    ),
    ...entries
      .filter(([, handler]) => typeof handler !== 'function')
      .map(([name]) => `the handler of ${name} is not a function`),
  ];
  if (faults.length > 0) throw new TesseraError('configuration', `The jobs cannot be hosted: ${faults.join('; ')}.`);
  return new Map(entries.filter(([name]) => wanted.includes(name as JobName)) as [JobName, AnyHandler][]);
}
