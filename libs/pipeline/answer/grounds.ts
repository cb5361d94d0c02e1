import type { Line } from '../compose/lines.js';
import { ALL, coverage } from './words/coverage.js';
import { highest, words } from './words/lexical.js';
import { asked, withoutAnswerType } from './question/question.js';
import { quoteOf, type TimelineAnswer } from './lookup/timeline-answer.js';

/**
 * A time in the medium is looked up or not known: one that the decoder names alone is a guess, unless the material itself
 * speaks of that time.
 */
export function isGuess(answer: string, lines: readonly Line[]): boolean {
  const time = /^at\s+([\d:]+)\.?$/i.exec(answer.trim())?.[1];
  return time !== undefined && !lines.some(({ quote }) => quote.includes(time));
}

/** Share of a question's words from which a line is worth quoting although the decoder saw no answer in it. */
const ABOUT_THE_SAME = 0.55;

/** The line that holds nearly all of a question, quoted. Undefined when none does: then the material does not tell. */
export function quoted(question: string, lines: readonly Line[]): TimelineAnswer | undefined {
  const wanted = asked(question);
  const about = wanted.type === 'when' || wanted.type === 'count' ? wanted.about : withoutAnswerType(question);
  // A page does not tell when something is said or shown.
  const told = wanted.type === 'when' && wanted.sense ? lines.filter(({ span }) => span.start !== undefined) : lines;
  const scores = coverage(about, told);
  const top = highest(scores);
  const line = told[scores.indexOf(top)];
  return line && top >= ABOUT_THE_SAME ? quoteOf(line) : undefined;
}

/** Share of a question's words from which a line is what it asks about. */
const IS_ASKED = 0.65;
const YES_OR_NO = /^\s*(?:yes|no)\b/i;
const ASKS_YES_OR_NO = /^(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would)\b/i;

/** Lines beside the one that a question is about: what is told goes on there. */
const BESIDE = 1;
/** Lines that a question is about as much. */
const AS_MUCH = 0.85;

/**
 * Whether an answer has nothing of the line that a question is about, when there is one: then it was taken from another.
 * True of the finished words that it begins with too, until it comes to a word of that line that is not the question's own.
 */
export function strays(question: string, lines: readonly Line[]): (answer: string) => boolean {
  const about = withoutAnswerType(question);
  const written = coverage(about, lines, { sounds: false });
  // Where a line holds all of the question as it is written, what only sounds like it is something else.
  const scores = highest(written) >= ALL ? written : coverage(about, lines);
  const top = highest(scores);
  if (top < IS_ASKED) return () => false;
  const own = new Set(words(question));
  const near = lines.filter((_, i) => scores.slice(Math.max(0, i - BESIDE), i + BESIDE + 1).some((score) => score >= AS_MUCH * top)); // prettier-ignore
  const told = new Set(near.flatMap(({ quote }) => words(quote)).filter((word) => !own.has(word)));
  const mayBeYes = ASKS_YES_OR_NO.test(question.trim());
  return (answer) => !(mayBeYes && YES_OR_NO.test(answer)) && !words(answer).some((word) => told.has(word));
}
