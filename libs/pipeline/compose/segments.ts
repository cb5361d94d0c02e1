import { setImmediate } from 'node:timers/promises';
import { TesseraError, type StoredSegment } from '#contracts';
import { markOf } from '#contracts';
import type { Line } from './lines.js';

/** A stored segment keeps its lines, so that a citation can point to the line and not to the whole segment. */
export type TimelineSegment = StoredSegment & { lines: Line[] };

type CountTokens = (text: string) => number;

interface Measured {
  line: Line;
  tokens: number;
}

/**
 * Groups lines into segments of at most `limit` tokens, whole lines each. A line that is longer alone is cut at
 * word boundaries into several lines of the same span.
 */
export function segmentLines(lines: Line[], countTokens: CountTokens, limit: number): TimelineSegment[] {
  return group(measure(lines, countTokens, limit), limit);
}

/** Milliseconds that tokenising holds the event loop. */
const SLICE_MS = 10;

/** The same for a document, whose megabytes must not hold up everybody else. @throws TesseraError cancelled */
export async function segmentDocument(
  lines: Line[],
  countTokens: CountTokens,
  limit: number,
  signal: AbortSignal,
): Promise<TimelineSegment[]> {
  const measured: Measured[] = [];
  let begun = performance.now();
  for (const each of measure(lines, countTokens, limit)) {
    measured.push(each);
    if (performance.now() - begun < SLICE_MS) continue;
    await setImmediate();
    if (signal.aborted) throw new TesseraError('cancelled', 'Reading the document was cancelled.');
    begun = performance.now();
  }
  return group(measured, limit);
}

function group(measured: Iterable<Measured>, limit: number): TimelineSegment[] {
  const segments: Line[][] = [];
  let current: Line[] = [];
  let total = 0;
  for (const { line, tokens } of measured) {
    if (current.length > 0 && total + tokens > limit) {
      segments.push(current);
      current = [];
      total = 0;
    }
    current.push(line);
    total += tokens;
  }
  if (current.length > 0) segments.push(current);
  return segments.map(toSegment);
}

/** A text of more characters than this for each token is too long, whatever its tokens are: it is not counted whole. */
const MOST_CHARACTERS = 16;

function* measure(lines: Line[], countTokens: CountTokens, limit: number): Generator<Measured> {
  for (const line of lines) {
    const tokens = line.text.length > limit * MOST_CHARACTERS ? Infinity : countTokens(line.text);
    if (tokens <= limit) yield { line, tokens };
    else {
      const mark = markOf(line);
      for (const { text, tokens } of cut(line.text, countTokens, limit)) {
        const quote = (text.startsWith(mark) ? text.slice(mark.length) : text).trim();
        yield { tokens, line: { ...line, text, quote } };
      }
    }
  }
}

/** Whole words as long as the sum of their tokens fits; each word is counted once, so the time is that of the text. */
function* cut(text: string, countTokens: CountTokens, limit: number) {
  let open: { words: string[]; tokens: number } = { words: [], tokens: 0 };
  const close = function* (words: string[]): Generator<{ text: string; tokens: number }> {
    const text = words.join('');
    const tokens = countTokens(text);
    // Words may make more tokens together than alone.
    if (tokens > limit && words.length > 1) {
      yield* close(words.slice(0, words.length >> 1));
      yield* close(words.slice(words.length >> 1));
    } else yield { text, tokens };
  };
  for (const word of text.split(/(?<=\s)/).flatMap((each) => cutLongWord(each, limit))) {
    const tokens = countTokens(word);
    if (open.words.length > 0 && open.tokens + tokens > limit) {
      yield* close(open.words);
      open = { words: [], tokens: 0 };
    }
    open.words.push(word);
    open.tokens += tokens;
  }
  if (open.words.length > 0) yield* close(open.words);
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
