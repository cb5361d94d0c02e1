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

function captionsOf(segment: Utterance): Caption[] {
  const words = segment.words?.length ? segment.words : sharedOut(segment);
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
  const words = text.split(/\s+/).filter(Boolean);
  const letters = words.reduce((sum, word) => sum + word.length + 1, 0);
  let at = start;
  return words.map((word, i) => {
    const begin = at;
    at = i === words.length - 1 ? end : at + ((end - start) * (word.length + 1)) / letters;
    return { word, start: begin, end: at };
  });
}

function wrap(words: readonly string[]): string[] {
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= LINE) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** Two lines of about the same length read better than a full one and a rest. */
function balance(words: readonly string[]): string[] {
  if (wrap(words).length < 2) return [words.join(' ')];
  let best: string[] = wrap(words);
  let difference = Infinity;
  for (let cut = 1; cut < words.length; cut++) {
    const pair = [words.slice(0, cut).join(' '), words.slice(cut).join(' ')];
    const apart = Math.abs(pair[0]!.length - pair[1]!.length);
    if (pair.every((line) => line.length <= LINE) && apart < difference) [best, difference] = [pair, apart];
  }
  return best;
}
