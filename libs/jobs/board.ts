import type { BaseAdapter } from '@bull-board/api/baseAdapter';
import type { ConnectionOptions, IQueueBackend, Queue } from 'bullmq';

export type { BaseAdapter };
export type OurQueue = Queue<unknown, unknown, string, unknown, unknown, string, IQueueBackend, ConnectionOptions>;

const TOLD: Record<string, string> = {
  media: 'Jobs that read, look and listen, as BullMQ holds them until they end. To be looked at only.',
  answer: 'Jobs of the decoder, as BullMQ holds them until they end. To be looked at only.',
};

/**
 * Queues of BullMQ for Bull Board, to be looked at only: a job that is moved or removed behind the journal's back would leave its tree
 * unfinished for ever. Bull Board is loaded by whoever shows it.
 */
export async function toBoard(queues: readonly OurQueue[]): Promise<BaseAdapter[]> {
  const { BullMQAdapter } = await import('@bull-board/api/bullMQAdapter');
  return queues.map((queue) => {
    const name = queue.name.slice(queue.name.lastIndexOf('-') + 1);
    const options = { readOnlyMode: true, displayName: name, description: TOLD[name] ?? '' };
    return new BullMQAdapter(queue as unknown as Queue, options);
  });
}
