import type { z } from 'zod';
import { TesseraError, JOBS, type JobName, type JobResult } from '#contracts';
import type { JobContext } from '#jobs';
import { counter, type Config } from '#platform';
import type { Blobs, Records } from '#storage';
import type { Models } from './models/models.js';

/** What every stage works with. */
export interface Stage {
  config: Config;
  blobs: Blobs;
  records: Records;
  models: Models;
}

/** The result of the first child of that name; every tree that a handler runs in has been built with it. */
export async function childResult<N extends JobName>(context: JobContext, name: N): Promise<JobResult<N> | undefined> {
  const child = (await context.children()).find((each) => each.name === name);
  return child === undefined ? undefined : (JOBS[name].result.parse(child.result) as JobResult<N>);
}

export async function requiredChild<N extends JobName>(context: JobContext, name: N): Promise<JobResult<N>> {
  const result = await childResult(context, name);
  if (result === undefined) throw new TesseraError('invalid_request', `The job needs a ${name} job before it.`);
  return result;
}

const reads = counter(
  'tessera_artifact_reads_total',
  'Results of earlier work that were looked for, by whether they were there.',
);

/** Reads a cached artifact of a known shape; one of an older shape counts as absent. */
export async function cached<T>(records: Records, key: string, schema: z.ZodType<T>): Promise<T | undefined> {
  const parsed = schema.safeParse(await records.getArtifact(key));
  reads.add({ outcome: parsed.success ? 'hit' : 'miss' });
  return parsed.success ? parsed.data : undefined;
}
