export { Jobs, type JobsOptions, type JobStatus } from './jobs.js';
export type { BaseAdapter } from './board.js';
export type { Handler, Handlers, JobContext } from './handlers.js';
export type { HostOptions } from './host.js';
export type { JournalEvent } from './journal/journal.js';
export type { Priority, QueueName } from './options.js';
export { isOutage } from './outage.js';
export {
  answerTree,
  askTree,
  composeTree,
  describeTree,
  extractTree,
  lookInto,
  timelineTree,
  transcribeTree,
  type AnswerOptions,
  type TreeInput,
} from './trees.js';
export { guessKind, sniff, SNIFF_BYTES, type Sniffed } from './sniff.js';
