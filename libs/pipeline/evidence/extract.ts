import { evidenceKey, JOBS, type JobPayload, type JobResult } from '#contracts';
import type { JobContext } from '#jobs';
import { cutClip, still } from '#media';
import { cached, requiredChild, type Stage } from '../context.js';

/** What a citation points to, to be looked at: a frame as JPEG or a clip as MP4. Made on demand, once. */
export async function extract(
  stage: Stage,
  { part }: JobPayload<'media.extract'>,
  context: JobContext,
): Promise<JobResult<'media.extract'>> {
  const { blobs, config, records } = stage;
  const medium = await requiredChild(context, 'media.ingest');
  const key = evidenceKey(medium.id, part);
  const known = await cached(records, key, JOBS['media.extract'].result);
  if (known && (await blobs.has(known.blob))) return known;

  const { signal } = context;
  const options = { facts: medium, limits: config.limits, signal };
  await using file = await blobs.local(medium.id, signal);
  const made =
    part.type === 'frame'
      ? await blobs.put(await still(file.path, { ...options, at: part.at }), { signal })
      : await blobs.put(cutClip(file.path, { ...options, start: part.start, end: part.end }), { signal });
  const film = medium.tracks.some((track) => track.kind === 'video');
  const mimeType = part.type === 'frame' ? 'image/jpeg' : film ? 'video/mp4' : 'audio/mp4';
  const result = { blob: made.id, mimeType };
  await records.putArtifact(key, result);
  return result;
}
