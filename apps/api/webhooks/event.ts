import { z } from 'zod';
import type { JobStatus } from '#jobs';
import type { RequestRecord } from '#storage';
import { JobResource, toResource } from '../jobs/resource.js';

export const EVENTS = ['job.completed', 'job.failed', 'job.cancelled'] as const;

/** What a receiver gets: how the job ended and where its result is, never the result. */
export const WebhookEvent = z.object({
  type: z.enum(EVENTS),
  timestamp: z.iso.datetime().describe('When the job ended.'),
  data: JobResource.omit({ result: true }).extend({
    url: z.string().describe('Where the job and its result are read, with a key of its tenant.'),
  }),
});
export type WebhookEvent = z.infer<typeof WebhookEvent>;

/** The message about a job that has ended; undefined while it has not. */
export function toEvent(request: RequestRecord, status: JobStatus, url: string): WebhookEvent | undefined {
  const type = EVENTS.find((event) => event === `job.${status.state}`);
  if (!type) return undefined;
  return {
    type,
    timestamp: (status.finishedAt ?? new Date()).toISOString(),
    data: { ...toResource(request, status), url },
  };
}
