import { z } from 'zod';
import { ContentHash, MediaKind, StoredTimeline, TimelineEntry, timelineEntries, type JobResult } from '#contracts';
import type { Blobs } from '#storage';

const Range = z.object({ start: z.number().optional(), end: z.number().optional() });

export const TimelineResource = z.object({
  id: ContentHash.describe('Id of the medium.'),
  object: z.literal('timeline'),
  name: z.string(),
  kind: MediaKind,
  mime_type: z.string(),
  duration: z.number().nullable().describe('Seconds; null for pictures and text.'),
  entries: z.array(TimelineEntry).describe('What is seen, said and written, in its order; times are in seconds.'),
});
export type TimelineResource = z.infer<typeof TimelineResource>;

/** A composed medium as its timeline, under the name that this caller gave it. `options` are those of the request's record. */
export async function toTimeline(
  blobs: Pick<Blobs, 'get'>,
  options: Record<string, unknown>,
  { medium, segments }: JobResult<'media.compose'>,
): Promise<TimelineResource> {
  const stored = StoredTimeline.parse(JSON.parse((await blobs.get(segments)).toString('utf8')));
  return {
    id: medium.id,
    object: 'timeline',
    name: String(options['name']),
    kind: medium.kind,
    mime_type: medium.mimeType,
    duration: medium.duration ?? null,
    entries: timelineEntries(stored, Range.parse(options)),
  };
}
