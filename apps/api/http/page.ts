import { z } from 'zod';

/** How many items of a list are asked for at once. */
export const pageLimit = z.coerce.number<string>().int().min(1).max(100).default(20);

/** A page of a list. */
export const pageOf = <T extends z.ZodType>(item: T) =>
  z.object({ object: z.literal('list'), data: z.array(item), has_more: z.boolean() });

/** The form of `pageOf`; `found` holds one more than the page when there are more. */
export function toPage<T>(found: readonly T[], limit: number) {
  return { object: 'list' as const, data: found.slice(0, limit), has_more: found.length > limit };
}
