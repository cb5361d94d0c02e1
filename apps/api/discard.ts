import type { ApiParts } from './parts.js';

/** Deletes blobs that nothing names any more. What cannot be deleted now, as when a bucket does not answer, housekeeping tries again. */
export async function discard(
  { blobs, records }: Pick<ApiParts, 'blobs' | 'records'>,
  ids: readonly string[],
): Promise<void> {
  for (const id of ids) await records.unnamed.announce(id);
  for (const id of ids) {
    await blobs.delete(id);
    await records.unnamed.named(id);
  }
}
