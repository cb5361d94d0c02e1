import { z } from 'zod';
import { JobState, type ErrorBody } from '#contracts';
import type { JobStatus } from '#jobs';
import type { RequestRecord } from '#storage';
import { pageOf } from '../http/page.js';

const seconds = (date: Date | null) => (date === null ? null : Math.floor(date.getTime() / 1000));

export const JobResource = z.object({
  id: z.string(),
  object: z.literal('job'),
  kind: z
    .string()
    .describe(
      'What was asked for: description, transcription, question, chat.completion, media, timeline or evidence.',
    ),
  status: JobState,
  stage: z.string().nullable().describe('What is being done: ingest, see, hear, compose, …'),
  percent: z.number().nullable().describe('0 to 100 within the stage.'),
  created_at: z.number().describe('Unix time in seconds.'),
  started_at: z.number().nullable(),
  finished_at: z.number().nullable(),
  result: z.unknown().optional().describe('Once completed: what the request would have been answered with.'),
  error: z.object({ code: z.string(), message: z.string(), param: z.string().optional() }).nullable(),
});
export type JobResource = z.infer<typeof JobResource>;

export const JobList = pageOf(JobResource);

export function toResource(request: RequestRecord, status: JobStatus, result?: unknown): JobResource {
  return {
    id: request.id,
    object: 'job',
    kind: request.kind,
    status: status.state,
    stage: status.stage,
    percent: status.percent,
    created_at: seconds(status.createdAt) ?? 0,
    started_at: seconds(status.startedAt),
    finished_at: seconds(status.finishedAt),
    ...(result === undefined ? {} : { result }),
    error: status.error as ErrorBody | null,
  };
}
