import type { JobEvent } from '#contracts';
import { createLogger } from '#platform';
import type { Journal } from './journal/journal.js';

const log = createLogger('jobs');

/**
 * Events on their way to the journal. The first goes at once; what comes while it is being written goes together afterwards, so a
 * fast decoder costs no more writes than the database can take.
 */
export class Outbox {
  private readonly waiting = new Map<string, JobEvent[]>();
  private readonly writing = new Map<string, Promise<void>>();

  constructor(private readonly journal: Pick<Journal, 'append'>) {}

  add(tree: string, event: JobEvent): void {
    const waiting = this.waiting.get(tree);
    if (waiting) waiting.push(event);
    else this.waiting.set(tree, [event]);
    if (!this.writing.has(tree)) this.writing.set(tree, this.write(tree));
  }

  private async write(tree: string): Promise<void> {
    for (let events = this.waiting.get(tree); events; events = this.waiting.get(tree)) {
      this.waiting.delete(tree);
      try {
        await this.journal.append(tree, events);
      } catch (error) {
        // Events are for watching; losing some must not fail the work.
        log.warn({ tree, error: (error as Error).message }, 'events could not be written');
      }
    }
    this.writing.delete(tree);
  }

  /** Resolves when everything of a tree has been written. */
  async flush(tree: string): Promise<void> {
    await this.writing.get(tree);
  }
}
