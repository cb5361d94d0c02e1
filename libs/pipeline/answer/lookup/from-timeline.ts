import type { Line } from '../../compose/lines.js';
import { timecode } from '../../compose/timecode.js';
import { coverage, coverageInMeaning } from '../words/coverage.js';
import { overlap } from '../focus.js';
import { highest } from '../words/lexical.js';
import { inOrder, nextTo } from './order.js';
import { asked } from '../question/question.js';
import type { Sense } from '../question/sense.js';
import { Files, listed, MOST_TOLD, quoteOf, type Named, type TimelineAnswer } from './timeline-answer.js';
import { TELLS_A_TIME, TELLS_HOW_OFTEN } from './told-time.js';
import { titleOf, topics } from './topics.js';
import { wholeOf } from './whole.js';

/** Share of a question's words from which a line is about the same thing. */
const ABOUT = 0.5;
/** The same for a subject that something is said about, or a thing that is shown: one rare word of two is enough. */
const ABOUT_SUBJECT = 0.38;
/** Lines this near to the best one are about the same. */
const NEAR_BEST = 0.9;
const NEAR_BEST_EVENT = 0.65;
/** Lines that an answer is cited by, and times that it lists. */
const MOST_LINES = 6;

const SENSES: Record<Sense, (line: Line) => boolean> = {
  said: ({ kind }) => kind === 'said',
  shown: ({ kind }) => kind === 'seen' || kind === 'written',
};

/**
 * Times, counts, orders, and what was said while something was shown stand in the timeline: they are looked up there, not made up by
 * the decoder. Undefined when the question asks for something else, or when nothing in the timeline matches.
 */
export function fromTimeline(
  question: string,
  lines: readonly Line[],
  media: Named = new Map(),
): TimelineAnswer | undefined {
  const wanted = asked(question);
  const files = new Files(lines, media);
  const timed = lines.filter(({ span }) => span.start !== undefined);
  switch (wanted.type) {
    case 'while':
      return during(timed, wanted);
    case 'when': {
      const least = wanted.sense ? ABOUT_SUBJECT : ABOUT;
      const { lines: events, related } = eventsAbout(timed, wanted, least, wanted.last ? NEAR_BEST_EVENT : NEAR_BEST);
      // "When does the meeting start?" asks for what a line tells, where it tells a time.
      if (!wanted.sense && events.some(({ quote }) => TELLS_A_TIME.test(quote))) return undefined;
      const shown = wanted.last ? events.slice(-1) : events;
      if (shown.length === 0) return undefined;
      const text = related ? quotedTimes(shown, files) : `At ${times(shown, files)}.`;
      return { text, lines: shown.slice(0, MOST_LINES) };
    }
    case 'at':
      return happeningAt(wanted, timed);
    case 'count': {
      const { lines: events } = eventsAbout(timed, wanted, ABOUT, NEAR_BEST_EVENT);
      if (events.length === 0) return undefined;
      // "How often does the bus run?" asks for what a line tells, where it tells how often.
      if (!wanted.sense && events.some(({ quote }) => TELLS_HOW_OFTEN.test(quote))) return undefined;
      const often = events.length === 1 ? 'Once' : `${events.length} times`;
      return { text: `${often}: at ${times(events, files)}.`, lines: events.slice(0, MOST_LINES) };
    }
    case 'order':
      return inOrder(wanted, lines, files);
    case 'next':
      return nextTo(wanted, { lines, files }, (sense, line) => SENSES[sense](line));
    case 'which':
      return named(bestOrRelated(pictures(lines), wanted.about, ABOUT).lines, files);
    case 'compare':
      return compared(pictures(lines), files);
    case 'chapters':
      return chaptersOf(lines, files);
    case 'whole':
      return wholeOf(wanted.whole, lines, files);
    default:
      return undefined;
  }
}

/** Lines that go on at a time, as it is written: to the second. */
function happeningAt({ seconds, sense }: { seconds: number; sense: Sense | undefined }, lines: Line[]) {
  const on = lines.filter(({ span }) => (span.start ?? 0) < seconds + 1 && (span.end ?? span.start ?? 0) >= seconds);
  const found = (sense ? on.filter(SENSES[sense]) : on).filter(({ kind }) => kind !== 'chapter');
  const told = found.map((line) => (sense ? line.quote : quoteOf(line).text));
  if (found.length === 0) return undefined;
  return { text: listed(told, sense ? ' ' : '\n'), lines: found.slice(0, MOST_LINES) };
}

/** Lines of pictures that stand for themselves; each begins with the name of its file. */
const pictures = (lines: readonly Line[]): Line[] =>
  lines.filter(({ kind, span }) => (kind === 'seen' || kind === 'written') && span.start === undefined);

/** The first of the lines of each medium. */
const firstOfEach = (lines: readonly Line[]): Line[] =>
  [...new Map(lines.toReversed().map((line) => [line.span.mediumId, line])).values()].reverse();

function named(found: Line[], files: Files): TimelineAnswer | undefined {
  const one = firstOfEach(found);
  return one.length === 0 ? undefined : { text: `${one.map((line) => files.nameOf(line)).join(', ')}.`, lines: one };
}

/**
 * Captions of several pictures beside each other: what a small model would say of how they differ is made up. One line of each
 * comes before more of any.
 */
function compared(found: Line[], files: Files): TimelineAnswer | undefined {
  const first = firstOfEach(found);
  if (first.length < 2) return undefined;
  const lines = [...first, ...found.filter((line) => !first.includes(line))];
  const told = lines.map((line) => `${files.nameOf(line)}: ${line.quote}`);
  return { text: listed(told, '\n'), lines: lines.slice(0, MOST_LINES) };
}

/** The chapters that files name, or else the topics that the lines turn to. */
function chaptersOf(lines: readonly Line[], files: Files): TimelineAnswer | undefined {
  const named = lines.filter(({ kind }) => kind === 'chapter');
  const found = named.length > 0 ? named : topics(lines).flatMap((topic) => titledBy(topic, lines));
  if (found.length === 0) return undefined;
  const titles = found.map((line) => `${placeOf(line, files)}${line.quote}`);
  const opening = named.length > 0 ? '' : 'No chapters are named. By topic:\n';
  return { text: opening + listed(titles, '\n'), lines: found.slice(0, MOST_TOLD) };
}

/** A topic is called by its most telling line, at the place where it begins. */
function titledBy(topic: Line[], all: readonly Line[]): Line[] {
  const [first] = topic;
  const title = titleOf(topic, all);
  return first && title ? [{ ...title, span: first.span }] : [];
}

function placeOf(at: Line, files: Files): string {
  const { start, page, line, file } = at.span;
  if (start !== undefined) return files.at(at);
  if (page !== undefined) return `Page ${page}${files.in(at)}: `;
  const inFile = file === undefined ? '' : `${file} `;
  return line === undefined ? inFile : `${inFile}line ${line}${files.in(at)}: `;
}

function during(lines: Line[], { wanted, during: what, about }: { wanted: Sense; during: string; about: string }) {
  const other = wanted === 'said' ? 'shown' : 'said';
  const anchors = bestOrRelated(lines.filter(SENSES[other]), what, ABOUT);
  const together = lines.filter(SENSES[wanted]).filter((line) => anchors.lines.some((anchor) => overlap(line, anchor)));
  const narrowed = about === '' ? [] : best(together, about, ABOUT);
  const found = narrowed.length > 0 ? narrowed : together;
  if (found.length === 0) return undefined;
  // What is only related to what was asked for is named, so that it can be judged.
  const while_ = anchors.related ? `While “${anchors.lines.map(({ quote }) => quote).join(' ')}” is ${other}: ` : '';
  const told = found.map(({ quote }) => quote);
  return { text: while_ + listed(told, ' '), lines: found.slice(0, MOST_LINES) };
}

interface About {
  about: string;
  sense: Sense | undefined;
}

/** Lines that something is about; `related`: by what words mean, where none holds the words themselves. */
interface Found {
  lines: Line[];
  related: boolean;
}

/** What happens one after the other: a thing that stays in view over several frames is one event. */
function eventsAbout(lines: Line[], { about, sense }: About, least: number, near: number): Found {
  const candidates = sense ? lines.filter(SENSES[sense]) : lines;
  const { lines: found, related } = bestOrRelated(candidates, about, least, near);
  const [top] = found;
  // What is not asked for by sense is counted in one: what is said of a thing is not another appearance of it.
  const same = sense || !top ? found : found.filter(({ kind }) => kind === top.kind);
  const events = same.filter((line, i) => {
    const before = same[i - 1];
    return !(line.kind === 'seen' && before?.kind === 'seen' && Math.abs((before.span.end ?? 0) - (line.span.start ?? 0)) < 0.01); // prettier-ignore
  });
  return { lines: events, related };
}

/** More lines that are only related tell nothing. */
const MOST_RELATED = 2;

/**
 * The lines that hold a wording; else those that mean something near to it; else those that sound like it, since a word
 * that was recognised tells more than one that may have been misheard.
 */
function bestOrRelated(lines: Line[], about: string, least: number, near = NEAR_BEST): Found {
  if (highest(coverage(about, lines, { sounds: false })) < least) {
    const meant = nearTop(lines, coverageInMeaning(about, lines), least, NEAR_BEST);
    if (meant.length > 0 && meant.length <= MOST_RELATED) return { lines: meant, related: true };
  }
  return { lines: best(lines, about, least, near), related: false };
}

/** The lines that a wording is about, in their order. */
const best = (lines: Line[], about: string, least: number, near = NEAR_BEST): Line[] =>
  nearTop(lines, coverage(about, lines), least, near);

function nearTop(lines: Line[], scores: number[], least: number, near: number): Line[] {
  const top = highest(scores);
  return top < least ? [] : lines.filter((_, i) => (scores[i] ?? 0) > 0 && (scores[i] ?? 0) >= near * top);
}

/** "00:10", or "00:10 in a.mp4". */
const timeOf = (line: Line, files: Files): string => `${timecode(line.span.start ?? 0)}${files.in(line)}`;

const times = (lines: Line[], files: Files): string => {
  const all = lines.slice(0, MOST_LINES).map((line) => timeOf(line, files));
  if (lines.length > MOST_LINES) all.push(`${lines.length - MOST_LINES} more`);
  const last = all.pop() ?? '';
  return all.length === 0 ? last : `${all.join(', ')} and ${last}`;
};

/** Times with what is told there. */
const quotedTimes = (lines: Line[], files: Files): string =>
  lines.map((line) => `At ${timeOf(line, files)}: “${line.quote}”`).join(' ');
