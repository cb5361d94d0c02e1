import type { z } from 'zod';
import type { Blob, PutOptions, Source } from '#storage';
import { cached, type Stage } from './context.js';

/** A result of earlier work that names a blob; one whose blob is gone, or of an older shape, is forgotten: otherwise it would stay, and not the next. */
export async function cachedWithBlob<T>(
  { records, blobs }: Pick<Stage, 'records' | 'blobs'>,
  key: string,
  schema: z.ZodType<T>,
  blobOf: (value: T) => string | null,
): Promise<T | undefined> {
  const known = await cached(records, key, schema);
  const blob = known && blobOf(known);
  if (known && (typeof blob !== 'string' || (await blobs.has(blob)))) return known;
  // Another process may have put a better one meanwhile.
  const stored = await records.getArtifact(key);
  const parsed = schema.safeParse(stored);
  if (stored !== undefined && (!parsed.success || blobOf(parsed.data) === blob))
    await records.deleteArtifact(key, stored);
  return undefined;
}

/** Keeps bytes that a result is about to name. Should this process die before it does, housekeeping deletes them. */
export function putDerived(
  { blobs, records }: Pick<Stage, 'records' | 'blobs'>,
  source: Source,
  options: Pick<PutOptions, 'signal'> = {},
): Promise<Blob> {
  return blobs.put(source, { ...options, announce: records.unnamed.announce });
}

/** Keeps a result that names such a blob. @returns the result that stays: a job that was thought dead may have been first */
export async function keepWithBlob<T>(
  { records }: Pick<Stage, 'records'>,
  key: string,
  schema: z.ZodType<T>,
  value: T,
  blob: string,
): Promise<T> {
  const stays = schema.safeParse(await records.nameBlob(key, value, blob));
  return stays.success ? stays.data : value;
}
