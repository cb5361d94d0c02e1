import { z } from 'zod';
import { toPage } from '../http/page.js';
import type { FileRecord } from '#storage';

/** https://platform.openai.com/docs/api-reference/files/object */
export const FileResource = z.object({
  id: z.string(),
  object: z.literal('file'),
  bytes: z.number(),
  created_at: z.number().describe('Unix time in seconds.'),
  filename: z.string(),
  purpose: z.string(),
  status: z.literal('processed'),
});
export type FileResource = z.infer<typeof FileResource>;

export const FileList = z.object({
  object: z.literal('list'),
  data: z.array(FileResource),
  first_id: z.string().nullable(),
  last_id: z.string().nullable(),
  has_more: z.boolean(),
});

export const FileDeleted = z.object({ id: z.string(), object: z.literal('file'), deleted: z.literal(true) });

export const toResource = ({ id, bytes, createdAt, name, purpose }: FileRecord): FileResource => ({
  id,
  object: 'file',
  bytes,
  created_at: Math.floor(createdAt.getTime() / 1000),
  filename: name,
  purpose,
  status: 'processed',
});

/** A page of a list with OpenAI's marks of its ends; `found` holds one more than the page when there are more. */
export function toMarkedPage<T extends { id: string }>(found: readonly T[], limit: number) {
  const page = toPage(found, limit);
  return { ...page, first_id: page.data[0]?.id ?? null, last_id: page.data.at(-1)?.id ?? null };
}
