import type { StoredSegment } from '#contracts';
import type { Line } from './lines.js';

/** A stored segment keeps its lines, so that a citation can point to the line and not to the whole segment. */
export type TimelineSegment = StoredSegment & { lines: Line[] };

/**
 * Groups lines into segments of at most `limit` tokens, whole lines each. A line that is longer alone is cut at
 * word boundaries into several lines of the same span.
 */
export function segmentLines(lines: Line[], countTokens: (text: string) => number, limit: number): TimelineSegment[] {
  const segments: Line[][] = [];
  let current: Line[] = [];
  let tokens = 0;
  for (const line of lines.flatMap((each) => splitLine(each, countTokens, limit))) {
    const count = countTokens(line.text);
    if (current.length > 0 && tokens + count > limit) {
      segments.push(current);
      current = [];
      tokens = 0;
    }
    current.push(line);
    tokens += count;
  }
  if (current.length > 0) segments.push(current);
  return segments.map(toSegment);
}

function splitLine(line: Line, countTokens: (text: string) => number, limit: number): Line[] {
  if (countTokens(line.text) <= limit) return [line];
  const pieces: Line[] = [];
  let text = '';
  for (const word of line.text.split(/(?<=\s)/).flatMap((each) => cutLongWord(each, limit))) {
    if (text !== '' && countTokens(text + word) > limit) {
      pieces.push({ ...line, text, quote: text.trim() });
      text = '';
    }
    text += word;
  }
  if (text !== '') pieces.push({ ...line, text, quote: text.trim() });
  return pieces;
}

/** A byte-level tokenizer never makes more tokens than bytes, so a piece of limit/4 characters always fits. */
function cutLongWord(word: string, limit: number): string[] {
  const size = Math.max(1, Math.floor(limit / 4));
  const characters = [...word];
  if (characters.length <= size) return [word];
  return Array.from({ length: Math.ceil(characters.length / size) }, (_, i) =>
    characters.slice(i * size, (i + 1) * size).join(''),
  );
}

function toSegment(lines: Line[]): TimelineSegment {
  const first = lines[0];
  if (first === undefined) throw new RangeError('a segment has at least one line');
  const starts = lines.flatMap((line) => (line.span.start === undefined ? [] : [line.span.start]));
  const ends = lines.flatMap((line) => (line.span.end === undefined ? [] : [line.span.end]));
  return {
    parts: [{ type: 'text', text: lines.map((line) => line.text).join('') }],
    span: {
      ...first.span,
      ...(starts.length > 0 ? { start: Math.min(...starts) } : {}),
      ...(ends.length > 0 ? { end: Math.max(...ends) } : {}),
    },
    quote: lines.map((line) => line.quote).join(' '),
    lines,
  };
}
