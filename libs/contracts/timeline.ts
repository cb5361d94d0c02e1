import { z } from 'zod';
import { Box, Span } from './media.js';
import { StoredSegment } from './sequence.js';

/** What a line tells of: a picture, speech, writing in a picture, or the title of a chapter. */
export const LineKind = z.enum(['seen', 'said', 'written', 'chapter']);
export type LineKind = z.infer<typeof LineKind>;

/** One line of a timeline: what the decoder reads, and what a citation of it says. Documents' lines have no kind. */
export const StoredLine = z.object({ text: z.string(), span: Span, quote: z.string(), kind: LineKind.optional() });

/** The JSON of a `media.compose` result's blob. A segment keeps its lines, so that a citation can point to one. */
export const StoredTimeline = z.array(StoredSegment.extend({ lines: z.array(StoredLine) }));
export type StoredTimeline = z.infer<typeof StoredTimeline>;

/** A line of a timeline as people and the API see it: snake case is the wire format. */
export const TimelineEntry = z.object({
  /** Seconds; null for what has no time. */
  start: z.number().nullable(),
  end: z.number().nullable(),
  page: z.number().int().nullable(),
  line: z.number().int().optional(),
  file: z.string().optional(),
  box: Box.optional().describe('Where it is written on the page, picture or frame: shares of its width and height.'),
  kind: LineKind.optional().describe(
    'Seen, said, written in a picture, or the title of a chapter; none of a document.',
  ),
  text: z.string(),
});
export type TimelineEntry = z.infer<typeof TimelineEntry>;

/** The entries of a composed medium in its own order, within a range of seconds when one is given. */
export function timelineEntries(
  timeline: StoredTimeline,
  range: { start?: number; end?: number } = {},
): TimelineEntry[] {
  const { start: from = 0, end: to = Infinity } = range;
  return timeline
    .flatMap((segment) => segment.lines)
    .filter(({ span: { start, end } }) => start === undefined || (start < to && (end ?? start) >= from))
    .map(({ text, quote, kind, span: { start, end, page, line, file, box } }) => ({
      start: start ?? null,
      end: end ?? null,
      page: page ?? null,
      ...(line === undefined ? {} : { line }),
      ...(file === undefined ? {} : { file }),
      ...(box === undefined ? {} : { box }),
      ...(kind === undefined ? {} : { kind }),
      // The time or page mark is in the fields.
      text: text.slice(bracketed({ text, quote }).length).trimEnd(),
    }));
}

/** What a line says before what it quotes: its time, or the name of its file. Brackets in what it quotes are its own. */
export const markOf = ({ text, quote }: { text: string; quote: string }): string =>
  text.slice(0, Math.max(0, text.lastIndexOf(quote)));

/** As `[00:05] `. */
const bracketed = (line: { text: string; quote: string }): string => /^\[.*\]\s/.exec(markOf(line))?.[0] ?? '';
