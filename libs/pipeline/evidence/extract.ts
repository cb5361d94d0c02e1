import { evidenceKey, JOBS, type JobPayload, type JobResult } from '#contracts';
import type { JobContext } from '#jobs';
import { cutClip, still } from '#media';
import { requiredChild, type Stage } from '../context.js';
import { cachedWithBlob, keepWithBlob, putDerived } from '../derived.js';

/** What a citation points to, to be looked at: a frame as JPEG or a clip as MP4. Made on demand, once. */
export async function extract(
  stage: Stage,
  { part }: JobPayload<'media.extract'>,
  context: JobContext,
): Promise<JobResult<'media.extract'>> {
  const { blobs, config } = stage;
  const medium = await requiredChild(context, 'media.ingest');
  const key = evidenceKey(medium.id, part);
  const known = await cachedWithBlob(stage, key, JOBS['media.extract'].result, ({ blob }) => blob);
  if (known) return known;

  const { signal } = context;
  const options = { facts: medium, limits: config.limits, signal };
  await using file = await blobs.local(medium.id, signal);
  const made =
    part.type === 'frame'
      ? await putDerived(stage, await still(file.path, { ...options, at: part.at }), { signal })
      : await putDerived(stage, cutClip(file.path, { ...options, start: part.start, end: part.end }), { signal });
  const film = medium.tracks.some((track) => track.kind === 'video');
  const mimeType = part.type === 'frame' ? 'image/jpeg' : film ? 'video/mp4' : 'audio/mp4';
  return keepWithBlob(stage, key, JOBS['media.extract'].result, { blob: made.id, mimeType }, made.id);
}
