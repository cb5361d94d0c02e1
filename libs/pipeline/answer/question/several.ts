import { MOST_CHARACTERS } from './question.js';

/** One of several questions that were asked in one sentence. */
export interface OneOfSeveral {
  /** What tells it from the others: "project Amber". */
  item: string;
  question: string;
}

const NO_NOUN = '(?:is|are|was|were|do|does|did|has|have|had|for|of|in|about|by|with|from|to|on|at|and|or|that|said)';
const NAME = String.raw`(?<![\p{L}\p{N}])(?:(?!${NO_NOUN} )[a-z]+ )?\p{Lu}[\p{L}\p{N}]*(?: \p{Lu}[\p{L}\p{N}]*)*`;
const PHRASE = String.raw`(?:the |a |an )?[\p{L}\p{N}'’-]+(?: [\p{L}\p{N}'’-]+){0,2}`;
const AND = String.raw`,? (?:and|or|as well as) `;

/** "the code of A, that of B and that of C" */
const AGAIN = '(?:(?:that|those|the one|also)(?: of| for| in)? )?';

/** "Where were Otto, Freya and Klaus born?", "What are the codes for project Amber and project Ruby?": names may stand anywhere. */
const NAMES = new RegExp(String.raw`(?<items>${NAME}(?:, ${AGAIN}${NAME})*${AND}${AGAIN}${NAME})`, 'u');
/** "What is said about the coffee, the rocket and the cat?": other things only three or more, at the end. */
const THINGS = new RegExp(String.raw`\b(?:for|of|in|about|by|with|from|to|on|at) (?<items>${PHRASE}(?:, ${PHRASE})+${AND}${PHRASE})(?=[?.]?$)`, 'u'); // prettier-ignore

const SINGULAR: [RegExp, string][] = [
  [/^(What|Who|Which|Where|When) (?:are|were) (the )(\p{L}+?)s(?= (?:for|of)\b)/u, '$1 is $2$3'],
  [/^(\S+(?: \S+)??) were\b/, '$1 was'],
  [/^(\S+(?: \S+)??) are\b/, '$1 is'],
  [/^(\S+(?: \S+)??) do\b/, '$1 does'],
  [/^(\S+(?: \S+)??) have\b/, '$1 has'],
];

/** "between X and Y", "both X and Y", "which came first, X or Y", "the total of X and Y": these are about the items together. */
const TOGETHER = new RegExp(
  `\\b(?:${[
    'between|both|compare|differ\\w*|first|earlier|later|last|before|after|while|together|which|how (?:often|many times)',
    'in common|each other|one another|versus|against|same|similar\\w*|alike|shared?|connect(?:s|ed|ions?)|relat(?:e|ed|ions?|ives?|ionships?)',
    'total|sum|average|combined|altogether|distance|meet|met|marr(?:y|ies|ied|iage)|wins?|won|winner|beats?|fought|agreed?',
    '(?:old|young|tall|short|small|large|long|high|low|fast|slow|strong|weak|cheap|rich|poor|clos|near)er',
    'bigger|heavier|better|worse|farther|further|more|less|fewer',
  ].join('|')})\\b`,
  'i',
);

/** "Who won, Anna or Ben?": what stands after a comma is what one may choose from. */
const isChoice = (list: string, before: string): boolean => /[,:;–-]\s*$/.test(before) && /\bor\b/.test(list);

/** More than this is no question any more. */
const MOST = 8;

/**
 * The questions that one sentence asks about several things alike, each on its own: a small model that looks for several
 * values at once exchanges them. Undefined where it asks one.
 *
 * @param quotes lines of the material: what they name only together is one thing
 */
export function severalQuestions(question: string, quotes: readonly string[] = []): OneOfSeveral[] | undefined {
  const text = question.trim();
  if (text.length > MOST_CHARACTERS) return undefined;
  // The first word has a capital whatever it is.
  const [opening = ''] = /^\S+\s*(?:(?:is|are|was|were|do|does|did|has|have|had)\s+)?/.exec(text) ?? [];
  const rest = text.slice(opening.length);
  const found = NAMES.exec(rest) ?? THINGS.exec(rest);
  const list = found?.groups?.['items'];
  if (!found || list === undefined || !/^(?:wh|how|tell|name|give|list|say|find|please)/i.test(opening))
    return undefined;
  if (TOGETHER.test(text) || isChoice(list, rest.slice(0, found.index))) return undefined;
  const items = list.split(new RegExp(`(?:${AND}|, )${AGAIN}`));
  const outside = outsideOf(items);
  if (items.length > MOST || outside === undefined) return undefined;
  const names = [items[0]!.slice(outside.length), ...items.slice(1)];
  if (isOneName(names, list.slice(outside.length), quotes)) return undefined;
  const at = opening.length + rest.indexOf(list) + outside.length;
  const end = at + list.length - outside.length;
  return names.map((item) => {
    const one = text.slice(0, at) + item + text.slice(end);
    return { item, question: SINGULAR.reduce((sentence, [from, to]) => sentence.replace(from, to), one) };
  });
}

const ARTICLE = /^(?:the|an?) $/;
const kindOf = (item: string): string => /^\p{Ll}+ (?=\p{Lu})/u.exec(item)?.[0] ?? '';

/**
 * What stands before all items and is no part of the first: "wrote " of "wrote Romeo and Juliet". What every item begins with, as
 * "project Amber and project Ruby" do, is their own. Undefined where they begin differently: it cannot be told what belongs to which.
 */
function outsideOf(items: readonly string[]): string | undefined {
  const [first = '', ...others] = items.map(kindOf);
  if (first === '' || ARTICLE.test(first) || others.every((kind) => kind === first)) return '';
  return others.some((kind) => kind !== '') ? undefined : first;
}

/** "Marks and Spencer": two names that the material has only together. */
function isOneName(names: readonly string[], list: string, quotes: readonly string[]): boolean {
  if (names.length !== 2 || !quotes.some((quote) => quote.includes(list))) return false;
  return !quotes.some((quote) => names.some((name) => quote.replaceAll(list, ' ').includes(name)));
}
