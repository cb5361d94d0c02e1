import type { FlowProducer, ConnectionOptions, IQueueBackend } from 'bullmq';
import { createLogger } from '#platform';
import type { OurQueue } from './board.js';
import { toFlow } from './flow.js';
import type { Journal, TreeState } from './journal/journal.js';
import { JOB_OPTIONS, QUEUES } from './options.js';

/** A tree that waits for longer is looked for in the queue: writing it down and queueing it are some milliseconds apart. */
export const LOST_AFTER_MS = 10_000;
const PAGE = 100;
/** Older trees than so many newer ones have been looked for before. */
const MOST_PAGES = 50;

const log = createLogger('jobs');

export interface MenderParts {
  journal: Pick<Journal, 'list' | 'read'>;
  producer: Pick<FlowProducer<IQueueBackend, ConnectionOptions>, 'add'>;
  /** In the order of QUEUES. */
  queues: () => readonly OurQueue[];
  scope: string;
  lostAfterMs: number;
}

/**
 * Queues trees that were written down and never queued, because their process was killed between the two: nobody else would, and whoever
 * waits for them would wait for ever. Queued twice, as by a process that was only slow, a tree is still done once: the ids are the same.
 */
export class Mender {
  /** Trees that were found in the queue: from there they are not lost. */
  private queued = new Set<string>();
  private mending: Promise<void> | undefined;

  constructor(private readonly parts: MenderParts) {}

  mend(): Promise<void> {
    return (this.mending ??= this.look()
      .catch((error: unknown) => log.warn({ error: (error as Error).message }, 'lost jobs could not be looked for'))
      .finally(() => (this.mending = undefined)));
  }

  async settled(): Promise<void> {
    await this.mending;
  }

  private async look(): Promise<void> {
    const still = new Set<string>();
    for await (const tree of this.waiting()) if (await this.isQueued(tree)) still.add(tree.id);
    this.queued = still;
  }

  private async *waiting(): AsyncGenerator<TreeState> {
    const { journal, lostAfterMs } = this.parts;
    let before: string | undefined;
    for (let page = 0; page < MOST_PAGES; page++) {
      const trees = await journal.list({ states: ['queued'], limit: PAGE, ...(before ? { before } : {}) });
      for (const tree of trees) if (Date.now() - tree.createdAt.getTime() > lostAfterMs) yield tree;
      if (trees.length < PAGE) return;
      before = trees.at(-1)?.id;
    }
  }

  /** Whether a tree is in the queue; one that is not is put there. */
  private async isQueued({ id, root }: TreeState): Promise<boolean> {
    if (this.queued.has(id)) return true;
    const { journal, producer, queues, scope } = this.parts;
    if (await queues()[QUEUES.indexOf(JOB_OPTIONS[root].queue)]?.getJob(id)) return true;
    // A job leaves the queue when its tree has ended, which is written down before.
    const tree = await journal.read(id);
    if (tree?.state !== 'queued') return false;
    log.warn({ tree: id, job: root }, 'a job that had been lost is queued');
    await producer.add(toFlow(tree.spec, id, scope, tree.priority));
    return true;
  }
}
