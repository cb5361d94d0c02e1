import type { ErrorBody, JobEvent, JobName, JobState, JobTree } from '#contracts';
import type { Priority } from '../options.js';

/** How a tree ended. */
export type Outcome =
  | { state: 'completed'; result: unknown }
  | { state: 'failed'; error: ErrorBody }
  | { state: 'cancelled'; error: ErrorBody };

export interface TreeState {
  id: string;
  root: JobName;
  state: JobState;
  progress: { stage: string; percent: number } | null;
  error: ErrorBody | null;
  createdAt: Date;
  startedAt: Date | null;
  finishedAt: Date | null;
}

export interface TreeRecord extends TreeState {
  spec: JobTree;
  priority: Priority;
  result: unknown;
}

export interface NewTree {
  id: string;
  root: JobName;
  spec: JobTree;
  priority: Priority;
  /** Whose it is, for counting; the journal does not check it. */
  owner: string;
}

export interface ListFilter {
  states?: readonly JobState[];
  limit: number;
  /** Id of the last one of the page before. */
  before?: string;
  /** How many are passed over first. */
  skip?: number;
}

export const NO_TREES: Readonly<Record<JobState, number>> = {
  queued: 0,
  running: 0,
  completed: 0,
  failed: 0,
  cancelled: 0,
};

/** An event and its place in its tree's order; `after` continues behind a place. */
export interface JournalEvent {
  id: string;
  event: JobEvent;
}

export type Change = 'event' | 'end';

export type UnfinishedState = 'queued' | 'running';

/**
 * What happened to every tree, in order, for all processes: BullMQ moves the jobs, the journal remembers and tells.
 * A tree ends once: the first `finish` wins, later ones and later events are dropped.
 */
export interface Journal {
  begin(tree: NewTree): Promise<void>;
  /** Marks the tree as running. False when it has ended (or is not known): the job has nothing left to do. */
  start(id: string): Promise<boolean>;
  append(id: string, events: readonly JobEvent[]): Promise<void>;
  /** True when this call ended the tree. */
  finish(id: string, outcome: Outcome): Promise<boolean>;
  read(id: string): Promise<TreeRecord | undefined>;
  /** The same without what was asked for and what came of it, which may be megabytes: for those who ask again and again. */
  state(id: string): Promise<TreeState | undefined>;
  events(id: string, after?: string): Promise<JournalEvent[]>;
  /** Newest first. */
  list(filter: ListFilter): Promise<TreeState[]>;
  /** Trees by their state, also those that have ended and are still kept. */
  counts(): Promise<Record<JobState, number>>;
  /** Trees in these states, of everybody or of one owner. */
  count(states: readonly UnfinishedState[], owner?: string): Promise<number>;
  remove(id: string): Promise<void>;
  /** Forgets trees that ended more than `seconds` ago. */
  sweep(seconds: number): Promise<void>;
  /** Called for changes made by this process and by others. */
  onChange(listener: (id: string, change: Change) => void): void;
  /** Private scopes that nobody has touched for a day: their process died before it could tidy up. */
  abandoned(): Promise<string[]>;
  /** Forgets everything of a scope. */
  clear(scope: string): Promise<void>;
  close(): Promise<void>;
}

/** Begins the scope of a process that works for itself alone. */
export const PRIVATE_PREFIX = 'own-';

export const stateEvent = (state: JobState): JobEvent => ({ type: 'state', state });

export const lastProgress = (events: readonly JobEvent[]) => {
  const last = events.findLast((event) => event.type === 'progress');
  return last ? { stage: last.stage, percent: last.percent } : undefined;
};
