import type { Medium } from '#contracts';
import type { Stage } from '../context.js';
import { isPage } from '../read/picture-lines.js';
import { readPictureLines } from '../read/picture-text.js';
import { captionFrames } from '../see/captions.js';
import { frameLines, type Line } from './lines.js';

/** A picture in words: its caption and its text, a page by its text alone, under its file's name. `blob` holds its visual tokens. */
export async function pictureLines(stage: Stage, medium: Medium, blob: string, signal: AbortSignal): Promise<Line[]> {
  const { timeline } = await stage.models.prompts();
  const written = await readPictureLines(stage, medium, signal);
  if (isPage(written)) return written;
  const [caption = ''] = await captionFrames(stage, medium, { blob, wanted: [0] }, { signal });
  return [...frameLines(medium, [{ time: null, end: null, caption }], timeline.lines), ...written];
}
