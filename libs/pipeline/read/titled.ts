import type { Medium } from '#contracts';
import { readSubtitles, speaks, subtitleTrack, type Subtitle } from '#media';
import { oneLine, write, type Line, type LineTemplates } from '../compose/lines.js';
import { timecode } from '../compose/timecode.js';
import type { Stage } from '../context.js';

/** The language that speech is recognised in. */
const LANGUAGE = 'en';

/** Seconds; from the beginning and to the end where they are not set. */
export interface TimeRange {
  start?: number;
  end?: number;
}

type Templates = Pick<LineTemplates, 'utterance'>;

/** What somebody wrote into a film or recording to go with it: chapters and subtitles, as far as they lie in the range. */
export async function titledLines(
  { blobs, config, models }: Stage,
  medium: Medium,
  { start = 0, end = Infinity }: TimeRange,
  signal: AbortSignal,
): Promise<{ chapters: Line[]; subtitles: Line[] }> {
  const { lines: templates } = (await models.prompts()).timeline;
  const inside = ({ span }: Line): boolean => (span.start ?? 0) < end && (span.end ?? Infinity) > start;
  const chapters = chapterLines(medium, templates).filter(inside);
  const track = subtitleTrack(medium.tracks, LANGUAGE);
  if (!track) return { chapters, subtitles: [] };
  await using file = await blobs.local(medium.id, signal);
  const cues = await readSubtitles(file.path, track, { limits: config.limits, signal });
  return { chapters, subtitles: subtitleLines(medium, cues, speaks(track, LANGUAGE), templates).filter(inside) };
}

export function chapterLines({ id, chapters = [] }: Pick<Medium, 'id' | 'chapters'>, templates: Templates): Line[] {
  return chapters.map(({ start, end, title }) => ({
    text: write(templates.utterance, { time: timecode(start), text: `Chapter: ${oneLine(title)}` }),
    span: { mediumId: id, start, end },
    quote: oneLine(title),
    kind: 'chapter',
  }));
}

/** Subtitles of the language that is spoken are what is said; those of another one are writing. */
export function subtitleLines(
  { id }: Pick<Medium, 'id'>,
  cues: readonly Subtitle[],
  spoken: boolean,
  templates: Templates,
): Line[] {
  return cues.map(({ start, end, text }) => ({
    text: write(templates.utterance, { time: timecode(start), text: spoken ? text : `Subtitle: ${text}` }),
    span: { mediumId: id, start, end },
    quote: text,
    kind: spoken ? 'said' : 'written',
  }));
}

/** What was recognised where no subtitle says it already: people write down speech better than a recogniser. */
export function withoutSubtitled(recognised: Line[], subtitles: readonly Line[]): Line[] {
  const said = subtitles.filter(({ kind }) => kind === 'said');
  if (said.length === 0) return recognised;
  const covered = ({ span: { start = 0, end = start } }: Line): number =>
    said.reduce((sum, { span }) => sum + Math.max(0, Math.min(end, span.end ?? 0) - Math.max(start, span.start ?? 0)), 0); // prettier-ignore
  return recognised.filter((line) => {
    const { start = 0, end = start } = line.span;
    return covered(line) < 0.5 * (end - start);
  });
}
