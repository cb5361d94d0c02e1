import { z } from 'zod';
import { TesseraError } from '#contracts';

/** How many items of a list are asked for at once. */
export const pageLimit = z.coerce.number<string>().int().min(1).max(100).default(20);

/** A page of a list. */
export const pageOf = <T extends z.ZodType>(item: T) =>
  z.object({ object: z.literal('list'), data: z.array(item), has_more: z.boolean() });

/**
 * Tells the end of a list from a page that cannot begin, because what it was to begin behind is not there (any more).
 * @throws TesseraError `invalid_request`
 */
export async function requireBehind(
  after: string | undefined,
  found: readonly unknown[],
  get: (id: string) => Promise<unknown>,
): Promise<void> {
  if (after === undefined || found.length > 0 || (await get(after))) return;
  throw new TesseraError('invalid_request', `after: there is no ${after} in this list; begin again without it`, {
    param: 'after',
  });
}

/** The form of `pageOf`; `found` holds one more than the page when there are more. */
export function toPage<T>(found: readonly T[], limit: number) {
  return { object: 'list' as const, data: found.slice(0, limit), has_more: found.length > limit };
}
