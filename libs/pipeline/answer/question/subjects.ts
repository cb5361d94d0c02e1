import { wordNet } from '../words/word-net.js';
import { SAID } from './sense.js';

/** Something that a conversation is about. */
export interface Subject {
  noun: string;
  /** It answered who somebody is. */
  isSomebody?: boolean;
}

const DETERMINER = 'the|a|an|this|that|these|those|my|our';
/** What no noun goes on with. */
const NO_NOUN = 'is|are|was|were|be|been|do|does|did|has|have|had|can|could|will|would|shown?|shows|said|says?|mentioned|told|seen|sees?|heard|visible|appears?|happens?|happened|starts?|begins?|ends?|and|or|but|while|when|where|who|which|than|then|in|on|at|of|for|from|to|by|with|about|before|after|during|into|first|last|times?|often|it|they|he|she|his|her|there|here'; // prettier-ignore
const OVER = `${DETERMINER}|${NO_NOUN}`;
/** "The woman holding", before what she holds, "the car parked"; not "the new building". */
const DOING = String.raw`(?!(?:building|painting|drawing|meeting|wedding|ceiling|morning|evening|clothing|railing|crossing|opening|ending|ring|king|string|spring|wing|thing|something)\b)(?:\p{L}+ing|\p{L}{3,}ed)(?=\s*(?:[?.!,]|$|(?:${OVER})\b))`; // prettier-ignore
const WORD = String.raw`[\p{L}\p{N}'’-]+`;
const PHRASE = new RegExp(String.raw`\b(?:${DETERMINER}) (?!(?:${OVER})\b)${WORD}(?: (?!(?:${OVER}|${DOING})\b)${WORD}){0,2}`, 'giu'); // prettier-ignore
const HOW_MANY = /\bhow many (?<things>(?:\p{L}+ )??(?:\p{L}+s|people|men|women|children))\b/iu;
/** Capitals inside a sentence. */
const NAME = /(?<=[^\s.?!:]\s)\p{Lu}[\p{Ll}\p{M}]+(?: \p{Lu}[\p{Ll}\p{M}]+)*/gu;
/** The material itself is not what one goes on to ask about. */
const MATERIAL = /\b(?:films?|videos?|movies?|recordings?|pictures?|photos?|photographs?|images?|files?|material|documents?|talk|presentation|times?|occasions|summary|chapters|difference)$/i; // prettier-ignore

/** What a question is about, the likeliest first: names, else nouns with an article, the last before others. */
export function subjectsIn(question: string): Subject[] {
  const many = HOW_MANY.exec(question)?.groups?.['things'];
  const counted = many === undefined || MATERIAL.test(many) ? [] : [`the ${many}`];
  return [...(question.match(NAME) ?? []).reverse(), ...phrasesIn(question).reverse(), ...counted].map((noun) => ({
    noun,
  }));
}

const phrasesIn = (text: string): string[] =>
  [...text.matchAll(PHRASE)].map(([phrase]) => phrase).filter((phrase) => !MATERIAL.test(phrase));

/** "What is the woman holding?" is answered by what one goes on to ask about; the colour of a thing is no other thing. */
const ASKS_FOR_A_THING = /^(?:who|whom|what|which)\b/i;
const ASKS_FOR_ITS_LIKE = new RegExp(String.raw`\b(?:${SAID}|colou?rs?|made (?:of|from)|material|shape|size|kind|type|sort|style|mood|weather|like|time|year|date|day|do|doing|happen\w*|written|called|reads?|means?)\b`, 'i'); // prettier-ignore

/** What a conversation is about after an answer, in the order of `subjectsIn`: first what a short answer names, if a thing was asked for. */
export function subjectsAfter(answer: string, question: string, subjects: readonly Subject[]): Subject[] {
  const named = ASKS_FOR_A_THING.test(question) && !ASKS_FOR_ITS_LIKE.test(question) ? namedBy(answer, question) : [];
  if (named.length > 0 || subjects.length > 0) return [...named, ...subjects];
  // A description begins with what it is about.
  const described = [...(answer.match(NAME) ?? []), ...phrasesIn(answer).map(definite)].map((noun) => ({ noun }));
  return described.length > 0 ? described : namedBy(answer, question);
}

const MOST_WORDS = 4;
const NUMBER =
  /^(?:zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozens?|hundreds?|many|several)$/i;
const NOBODY = /^(?:no ?(?:body|one)|some(?:body|one)|every(?:body|one)|any(?:body|one)|unknown|yes|no|none|both|all|me|you|him|her|them|us|it|they|he|she)$/i; // prettier-ignore
const CAPITALS = /^\p{Lu}[\p{Ll}\p{M}'’-]+(?: (?:and )?\p{Lu}[\p{Ll}\p{M}'’-]+)*$/u;
const OPENS_NO_NOUN = new RegExp(String.raw`^(?:${NO_NOUN}|yes|no|not|none|i|you|we|\p{L}+ing)\b`, 'iu');

/** What an answer of a few words names: "red chair", "Anna Meyer". A number alone, or a sentence, names nothing. */
function namedBy(text: string, question: string): Subject[] {
  const answer = text.trim().replace(/[.!]+$/, '');
  const words = answer.split(/\s+/);
  if (words.length > MOST_WORDS || NUMBER.test(answer) || NOBODY.test(answer) || /[:\d\n]/.test(answer)) return [];
  const who = /^whom?\b/i.test(question);
  // A word alone has a capital whatever it is.
  if (CAPITALS.test(answer) && !ARTICLE.test(answer) && (who || words.length > 1))
    return [{ noun: answer, isSomebody: who }];
  if (ARTICLE.test(answer))
    return phrasesIn(answer)
      .slice(0, 1)
      .map((phrase) => ({ noun: definite(phrase) }));
  const last = wordNet().noun(words.at(-1)!.toLowerCase());
  if (OPENS_NO_NOUN.test(answer) || !last || isKindOf(last.meanings, 'measure')) return [];
  return [{ noun: `the ${answer.charAt(0).toLowerCase()}${answer.slice(1)}` }];
}

const ARTICLE = /^(?:the|an?)\s/i;
const definite = (phrase: string): string => phrase.replace(/^an? /i, 'the ').replace(/^The /, 'the ');

/** Whether the first of the meanings, which is the most frequent, is a kind of something. */
function isKindOf([first]: readonly number[], name: string): boolean {
  if (first === undefined) return false;
  const { names, above } = wordNet().meaning(first);
  return names.includes(name) || isKindOf(above, name);
}

const isPerson = (word: string): boolean => isKindOf(wordNet().noun(word.toLowerCase())?.meanings ?? [], 'person');
const isName = (noun: string): boolean => /^\p{Lu}/u.test(noun) && !/^(?:The|An?) /.test(noun);

/** Whom "he" or "she" may mean: a name, or a noun up to the person that it names ("the man" of "the man jump"). */
export function somebodyIn({ noun }: Subject): string | undefined {
  if (isName(noun)) return noun;
  const words = noun.split(' ');
  const at = words.findLastIndex(isPerson);
  return at < 0 ? undefined : words.slice(0, at + 1).join(' ');
}

/** Whether "it" may mean something. */
export const isThing = ({ noun, isSomebody }: Subject): boolean =>
  !isSomebody && (isName(noun) || !isPerson(noun.split(' ').at(-1)!));

/** Whether "they" are rather these than others. */
export const isMany = ({ noun }: Subject): boolean =>
  / and /.test(noun) || (!isName(noun) && /(?:[^s]s|people|men|women|children)$/.test(noun));
