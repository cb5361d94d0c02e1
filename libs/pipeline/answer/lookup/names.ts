import type { Line } from '../../compose/lines.js';
import { coverage } from '../words/coverage.js';
import { contentWords, idf, stem, words } from '../words/lexical.js';
import { likeness, soundOf } from '../words/sounds-alike.js';
import { wordNet } from '../words/word-net.js';
import { inPlace, type InPlace } from '../in-place.js';
import { MOST_CHARACTERS, withoutAnswerType } from '../question/question.js';

const ASKS = /^(?:who|whom|whose|what|when|where|which|why|how|is|are|was|were|do|does|did|has|have|had|can|could|will|would|in|on|at|to|from|for|about)\b/i; // prettier-ignore
/** Capitals that name how to answer, and not what is asked about; months and days of the week are told in figures as well. */
const LANGUAGE = /\b(?:English|French|German|Spanish|Italian|Portuguese|Dutch|Polish|Russian|Turkish|Arabic|Hindi|Chinese|Mandarin|Japanese|Korean|Markdown|Picture|Mr|Mrs|Ms|Dr|January|February|March|April|May|June|July|August|September|October|November|December|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day)\b/g; // prettier-ignore

/** Words of English questions that German, French and Spanish ones do not have ("in", "on", "was", "has"). */
const ENGLISH = /\b(?:who|whom|whose|what|when|where|which|why|how|the|of|for|from|with|by|about|and|is|are|were|does|did|have|had|can|could|would|be|been|that|this|there|it|his|their|they|she|you|your|at|to)\b/i; // prettier-ignore
/** "Was Freya born in Bergen?" */
const ENGLISH_OPENING = /^[WwDdHh](?:as|ill|o) \p{Lu}/u;

/** What has a number is told by it: "Chapter 3", "Part Two", "Figure IV". */
const NUMBERED = /\b(?:Page|Slide|Sheet|Line|Chapter|Section|Paragraph|Figure|Fig|Table|Diagram|Part|Volume|Act|Scene|Episode|Lesson|Unit|Item|Step|Question|Exercise|Appendix|Day|Week|Number|No)s?\.? (?:\d|[A-Z]\b|[IVXL]+\b|(?:One|Two|Three|Four|Five|Six|Seven|Eight|Nine|Ten)\b)\S*/g; // prettier-ignore
const NAME = /\p{Lu}[\p{Ll}\p{M}]+(?:[ -]\p{Lu}[\p{Ll}\p{M}]+)*/gu;
const ARTICLE = /\b(?:the|an?|this|that|these|those)\s+$/i;

/** Names in a question: capitals inside a sentence, words that belong together as one. What opens it may be any word. */
export function namesIn(question: string): string[] {
  const sentences = question.split(/(?<=[.?!])\s+/).filter((sentence) => ASKS.test(sentence.trim()));
  return sentences.flatMap((sentence) => {
    const inner = sentence.trim().replace(/^\S+/, '').replace(NUMBERED, ' ').replace(LANGUAGE, ' ');
    return [...inner.matchAll(NAME)].flatMap(({ 0: name, index }) => isCommon(name, inner.slice(0, index)) ? [] : [name]); // prettier-ignore
  });
}

/** "the Chairman": a noun that is written like a name. */
const isCommon = (name: string, before: string): boolean =>
  ARTICLE.test(before) && wordNet().noun(name.toLowerCase()) !== undefined;

/** How like a word something is that a recogniser may have made of it, in the one line that the rest of a question is about. */
const MAY_BE_HEARD = 0.75;
/** How like a word another one is that was meant, where several lines fit. */
const IS_HEARD = 0.88;
/** A word shorter than this sounds like something in every line. */
const LEAST_WEIGHT = 2.5;
/** Lines that fit the rest of a question nearly as well as the best one. */
const AS_WELL = 0.9;

/** A question whose words stand in part nowhere in the material. */
interface Missing {
  about: string;
  /** As they are asked, and not even misheard in the lines that fit. */
  words: string[];
  /** Lines that fit the rest of the question best, each text once. */
  fitting: Line[];
  bags: Set<string>[];
}

function missingIn(question: string, lines: readonly Line[], known: readonly string[]): Missing | undefined {
  if (question.length > MOST_CHARACTERS) return undefined;
  const about = withoutAnswerType(question);
  const bags = lines.map(({ quote }) => new Set(words(quote)));
  const files = new Set(known.flatMap(words));
  const occurs = (word: string): boolean => files.has(stem(word)) || bags.some((bag) => bag.has(stem(word)));
  const missing = contentWords(about).filter((word) => !occurs(word));
  if (missing.length === 0) return undefined;
  const scores = coverage(about, lines, { sounds: false });
  const top = scores.reduce((a, b) => Math.max(a, b), 0);
  const best = lines.filter((_, i) => top > 0 && scores[i]! >= AS_WELL * top);
  const fitting = [...new Map(best.map((line) => [line.quote, line])).values()];
  return { about, bags, fitting, words: missing.filter((word) => !isHeard(word, about, fitting)) };
}

/**
 * Whether nothing in the material can answer a question, however well a line fits the rest of it: it asks about a place where
 * nothing lies, about a name that stands nowhere, not even misheard, or about one of several things that are told alike, by a
 * word that none of them has.
 * A decoder that is asked then names one of them.
 *
 * @param known names of the files, which a question may use
 * @param place where it asks, if that is known
 */
export function isUnknown(
  question: string,
  lines: readonly Line[],
  known: readonly string[] = [],
  place?: InPlace,
): boolean {
  // In another language nouns have capitals, and the words that ask are missing in the material.
  if (question.length > MOST_CHARACTERS || !(ENGLISH.test(question) || ENGLISH_OPENING.test(question))) return false;
  const { about, there } = place ?? inPlace(question, lines);
  if (there?.length === 0) return true;
  // Who is heard or seen at a time need not be named then.
  if (there?.some(({ kind }) => kind !== undefined)) return false;
  return isMissing(about, there ?? lines, known);
}

function isMissing(question: string, lines: readonly Line[], known: readonly string[]): boolean {
  const names = namesIn(question).map(contentWords).filter((name) => name.length > 0); // prettier-ignore
  const missing = missingIn(question, lines, known);
  if (missing && missing.words.length > 0) {
    if (names.some((name) => name.every((word) => missing.words.includes(word)))) return true;
    if (missing.fitting.length > 1 && isAlike(missing)) return true;
  }
  return names.some((name) => isToldOfOthers(name, question, lines));
}

/** Whether several lines hold all of a question but the name that it asks about. */
function isToldOfOthers(name: string[], question: string, lines: readonly Line[]): boolean {
  const rest = contentWords(withoutAnswerType(question)).filter((word) => !name.includes(word));
  if (new Set(rest.map(stem)).size < 2) return false;
  const shares = coverage(rest.join(' '), lines, { sounds: false });
  const others = lines.filter((_, i) => shares[i]! >= AS_WELL);
  const terms = name.map(stem);
  const told = new Set(others.map(({ quote }) => quote));
  return (
    told.size > 1 &&
    !others.some(({ quote }) => words(quote).some((word) => terms.includes(word))) &&
    !name.some((word) => isHeard(word, rest.join(' '), others))
  );
}

/** The one line that a question is about, where all that is missing in it may have been misheard there. */
export function misheard(question: string, lines: readonly Line[], place?: InPlace): Line | undefined {
  const { about, there } = place ?? inPlace(question, lines);
  const missing = missingIn(about, there ?? lines, []);
  return missing?.words.length === 0 && missing.fitting.length === 1 ? missing.fitting[0] : undefined;
}

/** Whether a word may have been misheard in a line: sooner where no other line fits, since then the rest of the question speaks for it. */
function isHeard(word: string, about: string, lines: readonly Line[]): boolean {
  const sound = soundOf(word);
  if (sound.weight < LEAST_WEIGHT) return false;
  const asked = new Set(words(about));
  return lines.some(({ kind, quote }) => {
    if (kind !== 'said') return false;
    // What the question says in other words cannot be this one as well.
    const rest = quote.split(' ').filter((each) => !words(each).some((term) => asked.has(term)));
    if (lines.length === 1) return likeness(sound, soundOf(rest.join(' '))) >= MAY_BE_HEARD;
    return rest.map(soundOf).some((heard) => Math.min(likeness(sound, heard), likeness(heard, sound)) >= IS_HEARD);
  });
}

/** Two rare words of a question that stand together in several lines make these lines alike; one may be chance. */
function isAlike({ about, bags, fitting: [first] }: Missing): boolean {
  if (!first) return false;
  const shared = new Set(words(first.quote));
  const common = [...new Set(words(about))].filter((term) => shared.has(term));
  return common.length > 1 && common.every((term) => idf(bags.filter((bag) => bag.has(term)).length, bags.length) > 1);
}
