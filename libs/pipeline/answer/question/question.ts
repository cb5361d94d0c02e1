import { orderAsked, type Order } from '../lookup/order.js';
import { wholeAsked, type Whole } from './whole.js';
import { SAID, senseOf, SHOWN, type Sense } from './sense.js';

/** What a question asks a timeline for, as far as its wording tells. */
export type Asked =
  | Order
  /** What was said while something was shown, or shown while it was said; `about` narrows it down. */
  | { type: 'while'; wanted: Sense; during: string; about: string }
  /** Times at which something is said or shown. */
  | { type: 'when'; about: string; sense: Sense | undefined; last: boolean }
  /** What is said or shown at a time of the medium. */
  | { type: 'at'; time: string; seconds: number; sense: Sense | undefined }
  /** How many times something happens. */
  | { type: 'count'; about: string; sense: Sense | undefined }
  /** Which of several pictures shows something. */
  | { type: 'which'; about: string }
  /** What several pictures show, beside each other. */
  | { type: 'compare' }
  | { type: 'chapters' }
  | { type: 'summary' }
  /** Something of all that there is, and of no place in it. */
  | { type: 'whole'; whole: Whole }
  | { type: 'other' };

const SAID_WHILE = new RegExp(`\\b(?:${SAID})\\b(?:\\s+about\\s+(?<about>.+?))?\\s+(?:while|when|as)\\s+(?<during>.+?)\\s+(?:is|are|was|were|can be)?\\s*(?:being\\s+)?(?:${SHOWN})\\b`, 'i'); // prettier-ignore
const SHOWN_WHILE = new RegExp(`\\b(?:${SHOWN})\\b\\s+(?:while|when|as)\\s+(?<during>.+?)\\s+(?:is|are|was|were)\\s+(?:being\\s+)?(?:${SAID})\\b`, 'i'); // prettier-ignore
const WHEN = /^(?:when|at (?:what|which) (?:time|point|minute|second))\b/i;
const HAPPENS = /\b(?:happens?|starts?|begins?|comes? up|first time|last time|rings?)\b/i;
/** "What is said at 01:20?"; not "What starts at 9:15?". */
const AT = new RegExp(`^what(?:'s| is| was| can be| happens| happened| do you| can you)?\\s*(?:${SAID}|${SHOWN}|see|hear|going on|there)?\\s*(?:at|around)\\s+(?<time>(?:\\d+:)?\\d{1,2}:\\d{2}|\\d+ ?(?:seconds?|minutes?))\\s*(?:in the (?:film|video|recording)|minutes|into .*)?\\??$`, 'i'); // prettier-ignore
const COUNT = /^(?:(?:please|count|tell me|say|and|on)\s+)*(?:how (?:often|many times|many occasions)|the (?:number of )?times(?: that)?)\b/i; // prettier-ignore
const PICTURES = '(?:photos?|photographs?|pictures?|images?)';
const WHICH = new RegExp(`^(?:which|what)(?: one)?(?: of (?:these|the|those))?(?: \\w+)? ${PICTURES}\\s+(?:shows?|have|has|contains?|is of|are of|is about|with|depicts?)\\s+(?<about>.+)$`, 'i'); // prettier-ignore
const COMPARE = new RegExp(`^(?:(?:compare\\b|what (?:is|are) the differences? between\\b).*\\b${PICTURES}\\b|(?:please )?(?:describe|what(?:['’]s| is| are) (?:in|on)) (?:(?:all|both|each|of|the|these|those|my|two) )*(?:photos|photographs|pictures|images)[.?!]*$)`, 'i'); // prettier-ignore
/** "Which chapters mention Bob?" asks for something else than their list. */
const CHAPTERS = /\b(?:list|name|give|show|which|what are)\b.*\bchapters\b(?:,? (?:and|with|by|of|in|from|for|are|is|do|does|has|have|there|it|this|that|the|all|their|its|an?|about|called|named|titles?|names?|start|times?|timestamps?|please|here|(?:video|film|movie|recording|audio|podcast|talk|lecture|file|document|book|report|pdf)s?))*[\s.?!]*$/i; // prettier-ignore
const SUMMARY =
  /^(?:please |can you |could you )?(?:summari[sz]e|sum up)\b|^(?:a |the )?summary\b|\b(?:give|write|make)\b.*\b(?:summary|overview|outline|gist)\b/i;

/** A question longer than this tells a story, and patterns take their time over it. */
export const MOST_CHARACTERS = 400;

export function asked(question: string): Asked {
  const text = question.trim();
  if (text.length > MOST_CHARACTERS) return { type: 'other' };
  if (COMPARE.test(text)) return { type: 'compare' };
  const whole = wholeAsked(text);
  if (whole) return { type: 'whole', whole };
  const saidWhile = SAID_WHILE.exec(text)?.groups;
  if (saidWhile && /^(?:what|who)\b/i.test(text))
    return { type: 'while', wanted: 'said', during: saidWhile['during'] ?? '', about: saidWhile['about'] ?? '' };
  const shownWhile = SHOWN_WHILE.exec(text)?.groups;
  if (shownWhile && /^what\b/i.test(text))
    return { type: 'while', wanted: 'shown', during: shownWhile['during'] ?? '', about: '' };
  const order = orderAsked(text);
  if (order) return order;
  const sense = senseOf(text);
  // "When was the bridge opened?" asks for what is said about it, not for a place in the medium.
  if (WHEN.test(text) && (sense || HAPPENS.test(text)))
    return { type: 'when', about: withoutFrame(text, WHEN), sense, last: /\blast\b/i.test(text) };
  const at = AT.exec(text)?.groups;
  if (at) return { type: 'at', time: at['time'] ?? '', seconds: secondsOf(at['time'] ?? ''), sense };
  if (COUNT.test(text)) return { type: 'count', about: withoutFrame(text, COUNT), sense };
  const which = WHICH.exec(text);
  if (which) return { type: 'which', about: which.groups?.['about'] ?? '' };
  if (CHAPTERS.test(text)) return { type: 'chapters' };
  return SUMMARY.test(text) ? { type: 'summary' } : { type: 'other' };
}

/** Of a clock, or of a number with its unit. */
function secondsOf(time: string): number {
  if (time.includes(':')) return time.split(':').reduce((total, part) => 60 * total + Number(part), 0);
  return parseInt(time, 10) * (/min/i.test(time) ? 60 : 1);
}

const FRAME = new RegExp(`\\b(?:${SAID}|${SHOWN}|something|anything|someone|anybody|time|times|first|last|happens?|is|are|was|were|does|do|did)\\b`, 'gi'); // prettier-ignore

/** What the question is about, without the words that ask. */
const withoutFrame = (text: string, opening: RegExp): string =>
  text.replace(opening, ' ').replace(FRAME, ' ').replace(/\s+/g, ' ').trim();

const PREFACE = /^(?:please,?\s+)?(?:I(?:['’]d| would) (?:like|love|want) to know|(?:can|could|would|will) you (?:please )?(?:tell|say|show) (?:me|us)|do you know|I want to know|(?:tell|give|show) (?:me|us)|I wonder)\s*[,:]?\s+(?:if\s+)?/i; // prettier-ignore

/** A question without what it is politely begun with. */
export function withoutPreface(question: string): string {
  const rest = question.trim().replace(PREFACE, '');
  return rest === question.trim() || rest.length < 4 ? question : rest.charAt(0).toUpperCase() + rest.slice(1);
}

const ANSWER_TYPE = /\b(?:which|what|how)\s+(?!is\b|are\b|was\b|were\b|does\b|do\b|did\b|will\b|has\b|have\b)\w+/i;

/** A question without the kind of thing that it asks for: an office answers "In which city is the office?". */
export const withoutAnswerType = (question: string): string => question.replace(ANSWER_TYPE, ' ');
