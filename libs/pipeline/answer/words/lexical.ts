import { remembered } from './remembered.js';

/**
 * A lexical prior: Okapi BM25 (Robertson & Zaragoza 2009) of a query over short passages.
 * Words are lower-cased and lightly stemmed; function words weigh nothing.
 */
const STOP_WORDS = new Set(
  (
    'a an and are as at be been being but by can could did do does for from had has have he her his how i in is it its of on or ' +
    'said say says she so that the their them there they this to was we were what when where which while who why will with would you your about ' +
    'please tell me answer briefly called named video recording picture image photo show shown shows happen happens'
  ).split(' '),
);

/** The words of a text that carry it, as they are written. */
export function contentWords(text: string): string[] {
  return (text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []).filter((word) => !STOP_WORDS.has(word));
}

export function words(text: string): string[] {
  return contentWords(text).map(stem);
}

/** Verbs whose past is another word, by what people ask about and tell: past to present. */
const IRREGULAR = new Map(
  (
    'began begin begun begin bought buy broke break broken break brought bring built build came come caught catch chose choose ' +
    'chosen choose drew draw drawn draw drove drive driven drive ate eat eaten eat fell fall fallen fall felt feel flew fly ' +
    'flown fly forgot forget forgotten forget found find gave give given give gone go went go grew grow grown grow held hold ' +
    'hid hide hidden hide kept keep knew know known know led lead left leave lent lend lost lose met meet paid pay ran run ' +
    'rang ring rung ring rode ride ridden ride rose rise risen rise sang sing sung sing sank sink sat sit sent send slept ' +
    'sleep sold sell spent spend spoke speak spoken speak stole steal stolen steal stood stand swam swim taken take took take ' +
    'taught teach threw throw thrown throw told tell understood understand woke wake won win wore wear worn wear wrote write ' +
    'written write'
  )
    .split(' ')
    .reduce<[string, string][]>((pairs, word, i, all) => (i % 2 ? pairs : [...pairs, [word, all[i + 1]!]]), []),
);

/** Strips plural and verb endings only: enough to match "opened" with "open" and "won" with "winner", small enough to never surprise. */
export const stem = remembered((word) => {
  if (word.length <= 3 && !IRREGULAR.has(word)) return word;
  return (IRREGULAR.get(word) ?? word)
    .replace(/ies$/, 'y')
    .replace(/(ss|us|is)$/, '$1#')
    .replace(/(?<=[a-z]{3})(ing|ed|es|s)$/, '')
    .replace(/([bdgmnprt])\1ers?$/, '$1')
    .replace(/#$/, '')
    .replace(/(?<=[a-z]{3})e$/, '')
    .replace(/(?<=[a-z]{2})([b-df-hj-np-tv-z])\1$/, '$1');
});

/** The largest of the scores, 0 when there is none. A loop: spread as arguments, a long medium's lines overflow the stack. */
export function highest(scores: readonly number[]): number {
  return scores.reduce((top, score) => Math.max(top, score), 0);
}

/** How strongly words that a question shares with a segment lift its pages in the selection. */
const PRIOR_WEIGHT = 2;

/** What the decoder's selection is told about segments: the best match counts PRIOR_WEIGHT, the others in proportion. */
export function lexicalPrior(question: string, segments: readonly { quote: string }[]): number[] {
  const scores = bm25(
    question,
    segments.map(({ quote }) => quote),
  );
  const top = Math.max(highest(scores), Number.EPSILON);
  return scores.map((score) => (PRIOR_WEIGHT * score) / top);
}

/** Inverse document frequency of a word that is in `n` of `total` passages. */
export const idf = (n: number, total: number): number => Math.log(1 + (total - n + 0.5) / (n + 0.5));

const K1 = 1.2;
const B = 0.75;

/** Scores ≥ 0, one per passage; 0 where no word of the query occurs. */
export function bm25(query: string, passages: string[]): number[] {
  const bags = passages.map(words);
  const mean = bags.reduce((sum, bag) => sum + bag.length, 0) / Math.max(1, bags.length);
  const terms = [...new Set(words(query))];
  const documents = new Map(terms.map((term) => [term, bags.filter((bag) => bag.includes(term)).length]));
  return bags.map((bag) =>
    terms.reduce((score, term) => {
      const frequency = bag.filter((word) => word === term).length;
      if (frequency === 0) return score;
      const weight = idf(documents.get(term) ?? 0, bags.length);
      return (
        score + (weight * frequency * (K1 + 1)) / (frequency + K1 * (1 - B + (B * bag.length) / Math.max(1, mean)))
      );
    }, 0),
  );
}
