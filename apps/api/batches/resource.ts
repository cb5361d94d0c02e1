import { z } from 'zod';
import type { BatchRecord } from '#storage';

const time = z.number().nullable().describe('Unix time in seconds.');

/** https://platform.openai.com/docs/api-reference/batch/object */
export const BatchResource = z.object({
  id: z.string(),
  object: z.literal('batch'),
  endpoint: z.string(),
  errors: z
    .object({
      object: z.literal('list'),
      data: z.array(
        z.object({
          code: z.string(),
          message: z.string(),
          param: z.string().nullable(),
          line: z.number().nullable().describe('Counts from 1.'),
        }),
      ),
    })
    .nullable()
    .describe('Why the input is no batch, when the status is failed.'),
  input_file_id: z.string(),
  completion_window: z.string(),
  status: z.enum([
    'validating',
    'failed',
    'in_progress',
    'finalizing',
    'completed',
    'expired',
    'cancelling',
    'cancelled',
  ]),
  output_file_id: z.string().nullable(),
  error_file_id: z.string().nullable(),
  created_at: z.number(),
  in_progress_at: time,
  expires_at: time,
  finalizing_at: time,
  completed_at: time,
  failed_at: time,
  expired_at: time,
  cancelling_at: time,
  cancelled_at: time,
  request_counts: z.object({ total: z.number(), completed: z.number(), failed: z.number() }),
  metadata: z.record(z.string(), z.string()).nullable(),
});
export type BatchResource = z.infer<typeof BatchResource>;

export const BatchList = z.object({
  object: z.literal('list'),
  data: z.array(BatchResource),
  first_id: z.string().nullable(),
  last_id: z.string().nullable(),
  has_more: z.boolean(),
});

const seconds = (date: Date) => Math.floor(date.getTime() / 1000);

export const toResource = (batch: BatchRecord): BatchResource => ({
  id: batch.id,
  object: 'batch',
  endpoint: batch.endpoint,
  errors: batch.faults.length > 0 ? { object: 'list', data: batch.faults } : null,
  input_file_id: batch.inputFile,
  completion_window: batch.completionWindow,
  status: batch.status,
  output_file_id: batch.outputFile,
  error_file_id: batch.errorFile,
  created_at: seconds(batch.createdAt),
  in_progress_at: batch.times.in_progress ?? null,
  expires_at: seconds(batch.expiresAt),
  finalizing_at: batch.times.finalizing ?? null,
  completed_at: batch.times.completed ?? null,
  failed_at: batch.times.failed ?? null,
  expired_at: batch.times.expired ?? null,
  cancelling_at: batch.times.cancelling ?? null,
  cancelled_at: batch.times.cancelled ?? null,
  request_counts: { total: batch.total, completed: batch.completed, failed: batch.failed },
  metadata: batch.metadata,
});
