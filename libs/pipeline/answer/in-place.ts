import type { Line } from '../compose/lines.js';
import { segmentLines, type TimelineSegment } from '../compose/segments.js';
import type { Reader } from './decode.js';
import { placed, type Place } from './question/place.js';
import { senseOf } from './question/sense.js';
import { highest } from './words/lexical.js';

/** A question about a place in the material. */
export interface InPlace {
  /** What is asked about it. */
  about: string;
  /** What lies there, be it nothing; absent where no place is asked for, or the material has none of its kind. */
  there?: Line[];
}

/** Finds the lines that lie where a question asks: "on page 3", "between 1:00 and 2:00", "at the end". */
export function inPlace(question: string, lines: readonly Line[]): InPlace {
  const { places, rest } = placed(question);
  if (places.length === 0 || places.some((place) => isTold(place, lines))) return { about: question };
  const known = places.filter((place) => lines.some((line) => isOfKind(place, line)));
  if (known.length === 0) return { about: rest };
  const media = byMedium(lines);
  const kept = new Set(known.flatMap((place) => media.flatMap((each) => linesAt(place, each))));
  // "Which trains leave after 10:30?" names a time of day, where the film is shorter.
  if (kept.size === 0 && known.every(({ by }) => by === 'time') && !ASKS_OF_A_TIME.test(rest) && !senseOf(rest)) return { about: rest }; // prettier-ignore
  // In an archive the line with a file's name belongs to what follows it.
  const files = new Set([...kept].map(fileOf));
  return { about: rest, there: lines.filter((line) => kept.has(line) || (isHeading(line) && files.has(fileOf(line)))) };
}

/** The same of lines that may have been chosen by the place already: counted from their end once more, it would be another. */
export function placeIn(question: string, lines: Line[], isInPlace = false): InPlace {
  return isInPlace ? { about: placed(question).rest, there: lines } : inPlace(question, lines);
}

/** The media with nothing but what lies where a question asks; all of them where it asks for no place. */
export async function materialInPlace<M extends { segments: TimelineSegment[] }>(
  stage: Reader,
  question: string,
  material: M[],
): Promise<M[]> {
  const linesOf = ({ segments }: M): Line[] => segments.flatMap(({ lines }) => lines);
  const { there } = inPlace(question, material.flatMap(linesOf));
  if (!there) return material;
  const kept = new Set(there);
  const { timeline } = await stage.models.prompts();
  const countTokens = await stage.models.tokenCounter();
  return material.map((each) => {
    const lines = linesOf(each);
    const own = lines.filter((line) => kept.has(line));
    if (own.length > 0 && own.length === lines.length) return each;
    return { ...each, segments: segmentLines(own, countTokens, timeline.segment_tokens) };
  });
}

const ASKS_OF_A_TIME = /\b(?:happen\w*|going on)\b/i;

const isHeading = ({ span: { file, page, line, start } }: Line): boolean =>
  file !== undefined && page === undefined && line === undefined && start === undefined;
const fileOf = ({ span: { mediumId, file = '' } }: Line): string => `${mediumId} ${file}`;

function byMedium(lines: readonly Line[]): Line[][] {
  const media = new Map<string, Line[]>();
  for (const line of lines) {
    const own = media.get(line.span.mediumId);
    if (own) own.push(line);
    else media.set(line.span.mediumId, [line]);
  }
  return [...media.values()];
}

const isOfKind = ({ by }: Place, { span }: Line): boolean =>
  by === 'edge' || span[by === 'time' ? 'start' : by] !== undefined;

/** Whether the material speaks of what a question seems to name as a place: of 9:30, of line 12 to the harbour. A page that is there is meant. */
function isTold(place: Place, lines: readonly Line[]): boolean {
  if (place.by === 'edge') return false;
  const names = place.names.map((name) => name.replace(/^0(?=\d)/, '')).join('|');
  const named = new RegExp(String.raw`(?<![\p{L}\p{N}:])0?(?:${names})(?![\p{L}\p{N}]|:\d)`, 'iu');
  if (!lines.some(({ quote }) => named.test(quote))) return false;
  return place.by !== 'page' || byMedium(lines).every((medium) => linesAt(place, medium).length === 0);
}

/** What of one medium lies at a place. */
function linesAt(place: Place, lines: Line[]): Line[] {
  if (place.by === 'edge') return edgeOf(lines, place.fromEnd);
  if (place.by === 'time') return duringOf(place, lines);
  if (place.by === 'line') return rowsOf(place, lines);
  const last = highest(lines.map(({ span }) => span.page ?? 0));
  return lines.filter(
    ({ span: { page } }) => page !== undefined && isWithin(place, place.fromEnd ? last - page : page),
  );
}

interface Range {
  from: number;
  to: number;
  fromEnd?: boolean;
}

const isWithin = ({ from, to }: Range, at: number): boolean => at >= from && at <= to;

/** Lines that go on in a stretch of time; chapters that begin in it. */
function duringOf({ from, to, fromEnd }: Range, lines: Line[]): Line[] {
  const last = endOf(lines);
  return lines.filter(({ kind, span: { start, end = start } }) => {
    if (start === undefined || end === undefined) return false;
    const stop = kind === 'chapter' ? start : end;
    const [begins, ends] = fromEnd ? [last - stop, last - start] : [start, stop];
    return begins < to && (ends > from || begins >= from);
  });
}

const endOf = (lines: readonly Line[]): number => highest(lines.map(({ span }) => span.end ?? span.start ?? 0));

/** A row of a paragraph has at least so many characters. */
const SHORTEST_ROW = 20;

/** Lines of a text by their number. A paragraph is known by its first row: one that is long enough holds those after it. */
function rowsOf(place: Range, lines: Line[]): Line[] {
  return [...new Set(lines.map(fileOf))].flatMap((file) => {
    const own = lines.filter((line) => fileOf(line) === file);
    const first = highest(own.map(({ span: { line = 0 } }) => (line <= place.from ? line : 0)));
    const text = own.filter(({ span }) => span.line === first).reduce((sum, { quote }) => sum + quote.length, 0);
    const from = first + text / SHORTEST_ROW > place.from ? first : place.from;
    return own.filter(({ span: { line } }) => line !== undefined && isWithin({ ...place, from }, line));
  });
}

/** How much of a medium is its beginning or end: this share, but so many seconds or lines where it is short. */
const EDGE = 0.1;
const SHORTEST_EDGE = { seconds: 30, lines: 6 };

function edgeOf(lines: Line[], fromEnd: boolean): Line[] {
  if (lines.some(({ span }) => span.start !== undefined))
    return duringOf({ from: 0, to: Math.max(SHORTEST_EDGE.seconds, EDGE * endOf(lines)), fromEnd }, lines);
  const many = Math.max(SHORTEST_EDGE.lines, Math.ceil(EDGE * lines.length));
  return fromEnd ? lines.slice(-many) : lines.slice(0, many);
}
