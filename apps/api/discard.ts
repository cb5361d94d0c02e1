import { createLogger } from '#platform';
import type { ApiParts } from './parts.js';

const log = createLogger('blobs');

/** Deletes blobs that nothing names any more, unless somebody is just bringing the same bytes. What cannot be deleted now, as when a bucket does not answer, housekeeping tries again. */
export async function discard(parts: Pick<ApiParts, 'blobs' | 'records'>, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await parts.records.unnamed.doom(ids);
  await deleteDoomed(parts, ids);
}

/** Deletes a blob that was brought and is not wanted after all. */
export async function withdraw(parts: Pick<ApiParts, 'blobs' | 'records'>, id: string): Promise<void> {
  await parts.records.unnamed.withdraw(id);
  await deleteDoomed(parts, [id]);
}

/** Deletes blobs that were doomed. */
export async function deleteDoomed(
  { blobs, records }: Pick<ApiParts, 'blobs' | 'records'>,
  ids: readonly string[],
): Promise<void> {
  for (const id of ids)
    try {
      await records.unnamed.remove(id, () => blobs.delete(id));
    } catch (error) {
      log.warn({ err: error, blob: id }, 'a blob could not be deleted; it is tried again later');
    }
}
