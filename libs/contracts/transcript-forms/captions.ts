import { SPACELESS, spacedWords } from '../spacing.js';
import type { TranscriptWord, Utterance } from '../transcript.js';

/** One caption on the screen. Seconds. */
export interface Caption {
  start: number;
  end: number;
  /** One or two lines. */
  lines: string[];
  channel?: number;
}

/** Limits of the usual subtitle guidelines (Netflix, BBC): 42 characters a line, two lines, at most 7 s. */
const LINE = 42;
const LINES = 2;
const LONGEST = 7;
/** A caption stays at least this long when nothing follows at once. */
const SHORTEST = 1;

/**
 * Cuts utterances into captions. Words with times are cut where they are; without them, time is shared out by letters.
 * Captions are in order of time over all channels (as WebVTT wants them), never empty, and one channel's never overlap.
 */
export function toCaptions(segments: readonly Utterance[]): Caption[] {
  const captions = segments.flatMap((segment) => captionsOf(segment)).sort((a, b) => a.start - b.start);
  captions.forEach((caption, i) => {
    const next = captions.slice(i + 1).find(({ channel }) => channel === caption.channel);
    if (caption.end - caption.start < SHORTEST)
      caption.end = Math.max(caption.end, Math.min(caption.start + SHORTEST, next?.start ?? caption.end));
  });
  return captions;
}

/** Here a word has the space before it with it, so that what is written without spaces stays so. */
function captionsOf(segment: Utterance): Caption[] {
  const timed = spacedWords(segment).map(({ space, word, start, end }) => ({ word: space + word, start, end }));
  const words = timed.length > 0 ? timed : sharedOut(segment);
  const groups: TranscriptWord[][] = [];
  for (const word of words) {
    const open = groups.at(-1);
    if (open && fits([...open, word])) open.push(word);
    else groups.push([word]);
  }
  return groups.map((group) => ({
    start: group[0]!.start,
    end: group.at(-1)!.end,
    lines: balance(group.map(({ word }) => word)),
    ...(segment.channel === undefined ? {} : { channel: segment.channel }),
  }));
}

function fits(words: readonly TranscriptWord[]): boolean {
  const long = words.at(-1)!.end - words[0]!.start > LONGEST;
  return !long && wrap(words.map(({ word }) => word)).length <= LINES;
}

/** Words of an utterance without word times: each gets time by its letters. */
function sharedOut({ start, end, text }: Utterance): TranscriptWord[] {
  const words = text.split(/\s+/).filter(Boolean).flatMap((run) => spaceless(` ${run}`)); // prettier-ignore
  const letters = words.reduce((sum, word) => sum + word.length, 0);
  let at = start;
  return words.map((word, i) => {
    const begin = at;
    at = i === words.length - 1 ? end : at + ((end - start) * word.length) / letters;
    return { word, start: begin, end: at };
  });
}

const segmenter = new Intl.Segmenter('en', { granularity: 'word' });
const OPENS = /[\p{Ps}\p{Pi}\s]$/u;

/** The words of what is written without spaces. A line begins with no mark but one that opens, and ends with none of these. */
function spaceless(run: string): string[] {
  if (!SPACELESS.test(run)) return [run];
  const words: string[] = [];
  for (const { segment, isWordLike } of segmenter.segment(run)) {
    const last = words.at(-1);
    const begins = isWordLike || OPENS.test(segment);
    if (last === undefined || (begins && !OPENS.test(last))) words.push(segment);
    else words[words.length - 1] = last + segment;
  }
  return words;
}

function wrap(words: readonly string[]): string[] {
  const lines: string[] = [];
  for (const word of words) {
    const longer = (lines.at(-1) ?? '') + word;
    if (lines.length > 0 && longer.length <= LINE) lines[lines.length - 1] = longer;
    else lines.push(word.trimStart());
  }
  return lines;
}

const lineOf = (words: readonly string[]): string => words.join('').trimStart();

/** Two lines of about the same length read better than a full one and a rest. */
function balance(words: readonly string[]): string[] {
  if (wrap(words).length < 2) return [lineOf(words)];
  let best: string[] = wrap(words);
  let difference = Infinity;
  for (let cut = 1; cut < words.length; cut++) {
    const pair = [lineOf(words.slice(0, cut)), lineOf(words.slice(cut))];
    const apart = Math.abs(pair[0]!.length - pair[1]!.length);
    if (pair.every((line) => line.length <= LINE) && apart < difference) [best, difference] = [pair, apart];
  }
  return best;
}
