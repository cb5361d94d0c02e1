import { JOBS, Medium, StoredTimeline, TesseraError, type JobPayload, type JobResult } from '#contracts';
import type { JobContext } from '#jobs';
import { artifactKey, mediumKey } from '../artifact.js';
import { cached, childResult, type Stage } from '../context.js';
import { cachedWithBlob, keepWithBlob, putDerived } from '../derived.js';
import { withoutSlides } from '../read/picture-lines.js';
import { readFrameLines } from '../read/picture-text.js';
import { readLines } from '../read/read.js';
import { titledLines, withoutSubtitled, type TimeRange } from '../read/titled.js';
import { captionFrames } from '../see/captions.js';
import { frameLines, interleave, utteranceLines, type Line } from './lines.js';
import { lookedUntil } from './looked-until.js';
import { makeSearchable } from './searchable.js';
import { pictureLines } from './picture.js';
import { segmentDocument, segmentLines, type TimelineSegment } from './segments.js';

type Composed = JobResult<'media.compose'>;

/** What is kept of a result; the medium is known by its own id. */
const Kept = JOBS['media.compose'].result.omit({ medium: true });

interface Perceived extends TimeRange {
  seen: JobResult<'media.see'> | undefined;
  heard: JobResult<'media.hear'> | undefined;
}

/**
 * Interleaves what was seen and heard by time into segments of whole lines. A still picture stays one segment of
 * visual tokens: it is put into words only when it has to share a timeline with other media.
 */
export async function compose(
  stage: Stage,
  { words, start, end }: JobPayload<'media.compose'>,
  context: JobContext,
): Promise<Composed> {
  const seen = await childResult(context, 'media.see');
  const heard = await childResult(context, 'media.hear');
  const medium = await mediumOf(stage, context, seen?.mediumId ?? heard?.mediumId);
  const key = artifactKey(
    'compose',
    medium.id,
    medium.mimeType,
    stage.models.writer,
    seen ?? null,
    heard?.transcript.segments ?? null,
    ...(words && medium.kind === 'image' ? ['words'] : []),
    ...(start === undefined && end === undefined ? [] : [{ start, end }]),
  );
  const known = await cachedWithBlob(stage, key, Kept, ({ segments }) => segments);
  if (known) {
    await makeSearchable(stage, medium.id, known.segments, () => readTimeline(stage, known.segments));
    return { ...known, medium };
  }

  const segments =
    medium.kind === 'image' && seen?.visual
      ? [await pictureSegment(stage, medium, seen.visual, words ? context.signal : undefined)]
      : await timeline(stage, medium, { seen, heard, start, end }, context);
  const { id } = await putDerived(stage, Buffer.from(JSON.stringify(segments)));
  const result = await keepWithBlob(stage, key, Kept, { segments: id, count: segments.length }, id);
  const stays = (): Promise<TimelineSegment[]> => readTimeline(stage, result.segments);
  await makeSearchable(stage, medium.id, result.segments, result.segments === id ? async () => segments : stays);
  return { ...result, medium };
}

async function mediumOf(stage: Stage, context: JobContext, id: string | undefined): Promise<Medium> {
  const ingested = await childResult(context, 'media.ingest');
  if (ingested) return ingested;
  const found = id === undefined ? undefined : await cached(stage.records, mediumKey(id), Medium);
  if (!found)
    throw new TesseraError('media_not_found', 'The medium of this job is not known any more; send the file again.');
  return found;
}

/** `signal`: when the picture is to be put into words. */
async function pictureSegment(
  stage: Stage,
  medium: Medium,
  blob: string,
  signal: AbortSignal | undefined,
): Promise<TimelineSegment> {
  const { rows } = stage.models.visualShape;
  const lines = signal ? await pictureLines(stage, medium, blob, signal) : [];
  const quote = lines.map((line) => line.quote).join(' ');
  return { parts: [{ type: 'visual', blob, index: 0, rows }], span: { mediumId: medium.id }, quote, lines };
}

async function timeline(
  stage: Stage,
  medium: Medium,
  { seen, heard, ...range }: Perceived,
  context: JobContext,
): Promise<TimelineSegment[]> {
  const prompts = await stage.models.prompts();
  const { lines: templates, segment_tokens: limit } = prompts.timeline;
  const countTokens = await stage.models.tokenCounter();
  if (medium.kind === 'text')
    return segmentDocument(await readLines(stage, medium, context.signal), countTokens, limit, context.signal);
  // A film that is only described (nothing was heard) is told by what it shows, not by what is written on it. Nobody listens to an
  // animation: what is written on it is read, and stands beside what it shows.
  const until = lookedUntil(range, medium);
  const written = seen && (heard || medium.mimeType === 'image/gif') ? await writtenLines(stage, medium, { seen, until }, context) : []; // prettier-ignore
  const shown = await seenLines(stage, medium, { seen, written: heard ? written : [], until }, context);
  const titled = await titledLines(stage, medium, range, context.signal);
  const said = withoutSubtitled(utteranceLines(medium, heard?.transcript.segments ?? [], templates), titled.subtitles);
  const seenAndRead = interleave(interleave(titled.chapters, shown), written);
  return segmentLines(interleave(interleave(seenAndRead, titled.subtitles), said), countTokens, limit);
}

async function seenLines(
  stage: Stage,
  medium: Medium,
  { seen, written, until }: { seen: JobResult<'media.see'> | undefined; written: Line[]; until: number | undefined },
  context: JobContext,
): Promise<Line[]> {
  if (!seen?.visual) return [];
  const prompts = await stage.models.prompts();
  const wanted = withoutSlides(seen.times, written).flatMap((kept, frame) => (kept ? [frame] : []));
  const captions = await captionFrames(
    stage,
    medium,
    { blob: seen.visual, wanted, times: seen.times },
    {
      signal: context.signal,
      onProgress: (done) =>
        context.emit({ type: 'progress', stage: 'caption', percent: Math.round((100 * done) / wanted.length) }),
    },
  );
  const frames = wanted.map((frame, i) => ({
    caption: captions[i] ?? '',
    time: seen.times[frame] ?? null,
    end: seen.times[frame + 1] ?? until ?? null,
  }));
  return frameLines(medium, frames, prompts.timeline.lines);
}

function writtenLines(
  stage: Stage,
  medium: Medium,
  { seen, until }: { seen: JobResult<'media.see'>; until: number | undefined },
  context: JobContext,
): Promise<Line[]> {
  return readFrameLines(stage, medium, seen, {
    until,
    signal: context.signal,
    onProgress: (share) => context.emit({ type: 'progress', stage: 'read', percent: Math.round(100 * share) }),
  });
}

export async function readTimeline(stage: Stage, blob: string): Promise<TimelineSegment[]> {
  return StoredTimeline.parse(JSON.parse((await stage.blobs.get(blob)).toString('utf8')));
}
