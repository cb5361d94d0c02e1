import { markOf } from '#contracts';
import type { Line } from '../../compose/lines.js';
import type { Whole } from '../question/whole.js';
import type { Files, TimelineAnswer } from './timeline-answer.js';

/** Fewer sentences than this are read faster than a summary of them. */
const FEWEST_SENTENCES = 4;
/** Words that are told as they were said: a minute of speech. What is longer is summarised, unless every word of it is wanted. */
const MOST_SAID = 150;
/** Views that tell what a film shows. */
const MOST_SHOWN = 8;
/** Places that a transcript is cited by. */
const MOST_CITED = 50;

const segmenter = new Intl.Segmenter('en', { granularity: 'sentence' });
export const sentencesOf = (text: string): string[] =>
  [...segmenter.segment(text)].map(({ segment }) => segment.trim()).filter(Boolean);

/**
 * Sentences, each a line of its own, once. What is said and written tells a film; what it shows does, where nothing else is there.
 * Repeated headers of pages tell nothing.
 */
export function toTell(lines: readonly Line[]): Line[] {
  const worded = lines.filter(({ kind }) => kind !== 'seen' && kind !== 'chapter');
  const telling = worded.length > 0 ? worded : lines.filter(({ kind }) => kind === 'seen');
  return [...new Map(telling.flatMap(inSentences).map((line) => [line.quote, line])).values()];
}

/** A paragraph as lines of one sentence, each with the paragraph's mark and place. */
function inSentences(line: Line): Line[] {
  const mark = markOf(line);
  return sentencesOf(line.quote).map((quote) => ({ ...line, quote, text: `${mark}${quote}\n` }));
}

export const isLong = (lines: readonly Line[]): boolean => toTell(lines).length >= FEWEST_SENTENCES;

const isShown = ({ kind }: Line): boolean => kind === 'seen' || kind === 'written';

/** What a document "shows" is what it is about, where there is nothing to see. */
const showsText = (whole: Whole, lines: readonly Line[]): boolean =>
  whole === 'shown' && !lines.some(isShown) && lines.some(({ kind }) => kind === undefined);

/** Whether what was asked of the whole material is too much to be told line by line. */
export function isSummarised(whole: Whole, lines: readonly Line[]): boolean {
  if (whole === 'about' || showsText(whole, lines)) return true;
  if (whole !== 'said') return false;
  const said = lines.filter(({ kind }) => kind === 'said');
  return said.length === 0 || said.reduce((words, { quote }) => words + quote.split(/\s+/).length, 0) > MOST_SAID;
}

/** What was asked of the whole material, in its own words; undefined where it has none of that kind. */
export function wholeOf(whole: Whole, lines: readonly Line[], files: Files): TimelineAnswer | undefined {
  if (showsText(whole, lines)) return wholeOf('about', lines, files);
  if (whole === 'shown') return viewsOf(lines.filter(isShown), files);
  const telling = whole === 'about' ? toTell(lines) : linesOf(whole, lines);
  if (telling.length === 0) return undefined;
  const text = whole === 'written' ? telling.map(({ quote }) => quote).join('\n') : running(telling);
  return { text, lines: telling.slice(0, MOST_CITED) };
}

/** Lines of documents have no kind. A page "says" what is written on it. */
function linesOf(whole: 'transcript' | 'said' | 'written', lines: readonly Line[]): Line[] {
  const said = lines.filter(({ kind }) => kind === 'said');
  const written = lines.filter(({ kind }) => kind === 'written' || kind === undefined);
  if (whole === 'written') return written;
  return whole === 'said' && said.length === 0 ? written : said;
}

/** Lines as one text, a paragraph for each medium. */
function running(lines: readonly Line[]): string {
  const media = new Map<string, string[]>();
  for (const { quote, span } of lines) media.set(span.mediumId, [...(media.get(span.mediumId) ?? []), quote]);
  return [...media.values()].map((quotes) => quotes.join(' ')).join('\n');
}

/** Views that follow each other, each with its time; of many some, none of them twice. What is written in them is marked. */
function viewsOf(shown: readonly Line[], files: Files): TimelineAnswer | undefined {
  const views = shown.map(({ quote, span }) => `${span.mediumId} ${quote}`);
  const changes = shown.filter((_, i) => views[i] !== views[i - 1]);
  const told = changes.length > MOST_SHOWN ? shown.filter((_, i) => views.indexOf(views[i]!) === i) : changes;
  const step = Math.max(1, told.length / MOST_SHOWN);
  const lines = Array.from({ length: Math.min(told.length, MOST_SHOWN) }, (_, i) => told[Math.floor(i * step)]!);
  if (lines.length === 0) return undefined;
  const place = (line: Line): string => (line.span.start === undefined ? `${files.nameOf(line)}: ` : files.at(line));
  const words = ({ kind, quote }: Line): string => (kind === 'written' ? `Written: “${quote}”` : quote);
  return { text: lines.map((line) => place(line) + words(line)).join('\n'), lines };
}
