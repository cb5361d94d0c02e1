import { z } from 'zod';
import { Box, type JobResult, type Medium } from '#contracts';
import { PRINT_FROM, readPictureText, type Paragraph } from '#media';
import { artifactKey } from '../artifact.js';
import type { Line } from '../compose/lines.js';
import { cached, type Stage } from '../context.js';
import { readFrames, type FrameRead } from './frame-texts.js';
import { frameTextLines, joinSameTexts, pictureTextLines } from './picture-lines.js';

/** Frames of one film whose text is read: with more, every so many is. */
const MAX_FRAMES = 120;

const Paragraphs = z.array(z.object({ text: z.string(), box: Box }));

/** The text in a still picture, kept by content. Most pictures have none, which a few milliseconds tell. */
export async function readPictureLines(stage: Stage, medium: Medium, signal: AbortSignal): Promise<Line[]> {
  const { blobs, config, models, records } = stage;
  const key = artifactKey('text', medium.id);
  let paragraphs: Paragraph[] | undefined = await cached(records, key, Paragraphs);
  if (!paragraphs) {
    const recognizer = await models.textRecognizer();
    await using file = await blobs.local(medium.id, signal);
    ({ paragraphs } = await readPictureText(file.path, { recognizer, limits: config.limits, signal }));
    await records.putArtifact(key, paragraphs);
  }
  const prompts = await models.prompts();
  return pictureTextLines(medium, paragraphs, prompts.timeline.lines);
}

/**
 * The text on a film's frames (slides, captions, signs), kept by content; only frames that look like print are read.
 *
 * @param until where what was looked at ends, in seconds
 */
export async function readFrameLines(
  stage: Stage,
  medium: Medium,
  seen: JobResult<'media.see'>,
  {
    signal,
    until,
    onProgress,
  }: { signal: AbortSignal; until: number | undefined; onProgress?: (share: number) => void },
): Promise<Line[]> {
  const frames = printedFrames(seen, until, MAX_FRAMES);
  if (frames.length === 0) return [];
  const read = new Map<number, FrameRead>();
  for await (const { time, ...text } of readFrames(stage, medium, frames, signal)) {
    read.set(time, text);
    onProgress?.(read.size / frames.length);
  }
  const texts = frames.flatMap((frame) => {
    const found = read.get(frame.time);
    return found ? [{ ...frame, ...found }] : [];
  });
  const prompts = await stage.models.prompts();
  return frameTextLines(medium, joinSameTexts(texts), prompts.timeline.lines);
}

/** Frames that show new print, each with the time at which other print takes over; thinned evenly when there are more than `limit`. */
export function printedFrames(
  { times, print = [], newPrint = [] }: Pick<JobResult<'media.see'>, 'times' | 'print' | 'newPrint'>,
  until: number | undefined,
  limit: number,
): { time: number; next: number }[] {
  const frames = times.flatMap((time, index) => {
    if (time === null || newPrint[index] === false || (print[index] ?? 0) < PRINT_FROM) return [];
    const next = times.find((_, later) => later > index && newPrint[later] !== false);
    return [{ time, next: next ?? until ?? time }];
  });
  const step = Math.max(1, frames.length / limit);
  return step === 1 ? frames : Array.from({ length: limit }, (_, i) => frames[Math.floor(i * step)]).flatMap((frame) => frame ?? []); // prettier-ignore
}
