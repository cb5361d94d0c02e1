import type { Line } from '../../compose/lines.js';
import { timecode } from '../../compose/timecode.js';
import { coverage } from '../words/coverage.js';
import { senseOf, type Sense } from '../question/sense.js';
import type { Files, TimelineAnswer } from './timeline-answer.js';
import { TELLS_A_TIME } from './told-time.js';

/** Share of a wording from which a line is what it names. More than for a subject: an order of the wrong things is worse than none. */
const NAMED = 0.6;

/** Where things stand in relation to each other: which of two comes first, or what comes before or after one. */
export type Order =
  /** `told`: the order in which they are told or shown is asked for, in so many words. */
  | { type: 'order'; things: [string, string]; wanted: 'first' | 'last'; told: boolean }
  | { type: 'next'; to: string; direction: 'before' | 'after'; sense: Sense | undefined; of: Sense | undefined };

const FIRST = '(?<wanted>first|earlier|earliest|before the other|last|later|latest)';
const QUOTE = '["“”\'‘’]';
const WHICH_FIRST = new RegExp(`^(?:which|what|who)\\b(?: of (?:these|the two|them))?.*?\\b${FIRST}\\b[\\s,:;–-]+(?<a>.+?),? or (?<b>.+?)\\?*$`, 'i'); // prettier-ignore
const IS_FIRST = new RegExp(`^(?:is|are|was|were|does|do|did)\\s+(?<a>.+?)\\s+(?:come|comes|came|happen|happens|happened|said|shown|mentioned|appear|appears|told|seen|heard)\\s*(?:before or after|after or before|earlier or later than|sooner or later than|before|earlier than)\\s+(?<b>.+?)\\?*$`, 'i'); // prettier-ignore
const NEXT = /^what(?:'s| is| was| does| did| do|\s+else)?\b(?<frame>.*?)\b(?:right |just |immediately |directly |shortly )?(?<direction>before|after|following)\s+(?<to>.+?)\?*$/i; // prettier-ignore
const FRAME = /^\s*(?:happen(?:s|ed|ing)?|come(?:s)?|came|is|was|are|were|be|being|said|say|says|mentioned|told|heard|shown|show|shows|seen|see|appears?|appear|the|one|people|you|we|can|next|line|thing|picture|in|video|film|recording|that|follows?|\s)*$/i; // prettier-ignore

const TOLD = /\b(?:said|shown|mentioned|told|seen|heard|appears?|lines?)\b/i;

/** What a question asks about the order of things; undefined when it asks for something else. */
export function orderAsked(question: string): Order | undefined {
  const text = question.trim();
  const pair = (WHICH_FIRST.exec(text) ?? IS_FIRST.exec(text))?.groups;
  if (pair) {
    const wanted = /^la/i.test(pair['wanted'] ?? 'first') ? 'last' : 'first';
    const told = TOLD.test(text) || text.includes('"') || text.includes('“');
    return { type: 'order', things: [bare(pair['a']), bare(pair['b'])], wanted, told };
  }
  const { frame = '', to = '', direction = '' } = NEXT.exec(text)?.groups ?? {};
  if (to === '' || !FRAME.test(frame)) return undefined;
  const after = direction.toLowerCase() !== 'before';
  return { type: 'next', to: bare(to), direction: after ? 'after' : 'before', sense: senseOf(frame), of: senseOf(to) };
}

const AROUND = new RegExp(`^(?:the (?:line|moment|part|sentence|words?) )?${QUOTE}|${QUOTE}$`, 'gi');
const HAPPENS = /\s+(?:is|are|was|were|has been|gets?)\s+(?:said|shown|mentioned|told|heard|seen)$|^(?:when|that|hearing|seeing|saying)\s+/gi; // prettier-ignore
const bare = (wording = ''): string =>
  wording.replace(/[.?!]+$/, '').trim().replace(AROUND, '').replace(HAPPENS, '').replace(/[.?!]+$/, '').trim(); // prettier-ignore

/** The order of two things as their lines stand in one medium. */
export function inOrder(
  { things, wanted, told }: Extract<Order, { type: 'order' }>,
  lines: readonly Line[],
  files: Files,
): TimelineAnswer | undefined {
  const [a, b] = things.map((thing) => nearest(thing, lines));
  if (!a || !b || a === b || a.span.mediumId !== b.span.mediumId) return undefined;
  // Who was born first is no matter of who is told of first.
  if (!told && TELLS_A_TIME.test(a.quote) && TELLS_A_TIME.test(b.quote)) return undefined;
  const [first, last] = lines.indexOf(a) < lines.indexOf(b) ? [a, b] : [b, a];
  // What is said while something is shown comes neither before nor after it.
  if (first.span.start !== undefined && first.span.start === last.span.start) return undefined;
  const [chosen, other] = wanted === 'first' ? [first, last] : [last, first];
  const name = things[chosen === a ? 0 : 1];
  return {
    text: `“${name}” comes ${wanted}, ${placed(chosen)}${files.in(chosen)}; the other is ${placed(other)}.`,
    lines: [chosen, other],
  };
}

/** Whether a line is told in a sense. */
export type InSense = (sense: Sense, line: Line) => boolean;

/** What stands next to a thing in the timeline: something of its own kind, unless the question names a sense. */
export function nextTo(
  { to, direction, sense, of }: Extract<Order, { type: 'next' }>,
  { lines, files }: { lines: readonly Line[]; files: Files },
  inSense: InSense,
): TimelineAnswer | undefined {
  const anchor = nearest(to, of ? lines.filter((line) => inSense(of, line)) : lines);
  if (!anchor) return undefined;
  const at = lines.indexOf(anchor);
  const wanted = (line: Line): boolean =>
    line.span.mediumId === anchor.span.mediumId && (sense ? inSense(sense, line) : line.kind === anchor.kind);
  const ended = (anchor.span.end ?? 0) - TOGETHER;
  const found =
    direction === 'before'
      ? lines.findLast((line, i) => i < at && wanted(line))
      : lines.find((line, i) => i > at && wanted(line) && (line.span.start ?? Infinity) >= ended);
  return found && { text: `${capital(placed(found))}${files.in(found)}: ${found.quote}`, lines: [found, anchor] };
}

/** Speech and pictures do not end to the second where the next begin. */
const TOGETHER = 1;

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

function placed({ span: { start, page, line } }: Line): string {
  if (start !== undefined) return `at ${timecode(start)}`;
  return page !== undefined ? `on page ${page}` : `in line ${line ?? 1}`;
}

/** The first of the lines that a wording names best. */
function nearest(wording: string, lines: readonly Line[]): Line | undefined {
  const scores = coverage(wording, lines);
  const top = scores.reduce((a, b) => Math.max(a, b), 0);
  return top < NAMED ? undefined : lines[scores.indexOf(top)];
}
