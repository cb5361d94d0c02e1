import { bagOf, norm, sum, type Bag } from '../words/bags.js';
import { idf, words } from '../words/lexical.js';

/** Sentences of so many words read well alone. */
const SHORTEST = 6;
const LONGEST = 35;
/** What makes a sentence read badly out of its place, and how much it is worth then. */
const BLEMISHES: [RegExp, number][] = [
  [/\?["”’)]?$/, 0.4],
  // It points at a sentence that is not there.
  [/^(?:and|but|so|or|because|however|therefore|then|also|thus|it|this|that|these|those|he|she|they|his|her|their|its|such|which|who)\b/i, 0.6],
  [/^(?:hello|hi|welcome|thank|thanks|good (?:morning|evening|afternoon)|goodbye|okay|please|see (?:also|you)|copyright)\b/i, 0.3],
  [/^[\p{Ll}\d•*#|-]/u, 0.6],
  [/\b(?:following|below|above|figure|table|see|section)\b/i, 0.6],
  [/https?:|^\[|…\s*\d|[{}<>|=_]{2,}|\.{4,}/, 0.3],
]; // prettier-ignore

/** How well a sentence reads out of its place, 0 to 1. */
function readability(text: string): number {
  const count = text.split(/\s+/).length;
  const length = count < SHORTEST ? 0.4 : count > LONGEST ? LONGEST / count : 1;
  return BLEMISHES.reduce((worth, [blemish, factor]) => (blemish.test(text) ? worth * factor : worth), length);
}

/**
 * How much each sentence says of what all say: its likeness to their centroid (Radev et al. 2000), for those that read well.
 * Linear in their number, so an hour takes milliseconds.
 */
export function centrality(texts: readonly string[]): number[] {
  const bags = texts.map((text) => bagOf([text]));
  const sentences = new Map<string, number>();
  for (const bag of bags) for (const word of bag.keys()) sentences.set(word, (sentences.get(word) ?? 0) + 1);
  const weight = (word: string): number => idf(sentences.get(word) ?? 0, texts.length);
  const vectors = bags.map((bag): Bag => new Map([...bag].map(([word, n]) => [word, n * weight(word)])));
  // What is said once is no subject of the whole.
  const subject = new Map([...sum(vectors)].filter(([word]) => texts.length < 4 || sentences.get(word)! > 1));
  return texts.map((text, i) => {
    const along = [...vectors[i]!].reduce((total, [word, n]) => total + n * (subject.get(word) ?? 0), 0);
    return (along / Math.max(Number.EPSILON, norm(vectors[i]!))) * readability(text);
  });
}

/** Likeness from which one of two sentences says nothing new. */
const THE_SAME = 0.6;

/**
 * The most central sentences that do not repeat each other (maximal marginal relevance, Carbonell & Goldstein 1998), at most
 * `most`, as indices in their order.
 */
export function mostCentral(texts: readonly string[], most: number): number[] {
  const scores = centrality(texts);
  const bags = texts.map((text) => new Set(words(text)));
  const chosen: number[] = [];
  for (const i of [...scores.keys()].sort((a, b) => scores[b]! - scores[a]! || a - b)) {
    if (chosen.length === most) break;
    if (chosen.every((other) => overlap(bags[i]!, bags[other]!) < THE_SAME)) chosen.push(i);
  }
  return chosen.sort((a, b) => a - b);
}

/** Words in common, as a share of the shorter sentence. */
function overlap(a: Set<string>, b: Set<string>): number {
  const common = [...a].filter((word) => b.has(word)).length;
  return common / Math.max(1, Math.min(a.size, b.size));
}
