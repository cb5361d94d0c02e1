import type { Line } from '../../compose/lines.js';
import { contentWords, highest, idf, stem, words } from './lexical.js';
import { Wanted } from './related-words.js';
import { heardBeside, heardIn, soundOf, type Sound } from './sounds-alike.js';

/** Share of a question's words from which a line holds all of it. */
export const ALL = 0.9;
/** A word that only sounds like the one asked for counts less than the word itself. */
const ALIKE = 0.75;
/** Sounds of more words than this are not looked for in every line: that takes seconds. */
const MOST_SOUNDS = 24;
/** Nor meanings: each takes 0.2 s over the ten thousand different words of a day of talk. */
const MOST_MEANT = 6;

/**
 * How much of a question each line covers, 0 to 1: its words weighed by how rare they are in the lines (BM25's idf). A word
 * that occurs nowhere weighs most, so that a question about something else is covered by nothing. What was heard by a
 * recogniser also matches by sound: a word alone or, which tells more, together with its neighbour.
 *
 * @param options.sounds false: only by what is written
 */
export function coverage(question: string, lines: readonly Line[], { sounds: listen = true } = {}): number[] {
  const asked = [...new Map(contentWords(question).map((word) => [stem(word), word])).entries()];
  const sounds = asked.map(([, word]) => soundOf(word));
  const pairs = asked.slice(1).map(([, word], i) => soundOf(`${asked[i]![1]} ${word}`));
  const matches = lines.map((line) => {
    const bag = new Set(words(line.quote));
    const exact = asked.map(([term]) => bag.has(term));
    if (!listen || asked.length > MOST_SOUNDS || line.kind !== 'said' || exact.every(Boolean)) return exact.map(Number);
    return bySound(exact, { sounds, pairs }, soundOf(line.quote));
  });
  return weighed(matches, asked.length);
}

/** The same by what words mean: a kind of what is asked for ("bus" of "vehicle"), or what goes with it ("drum" with "music"), counts nearly as the word. */
export function coverageInMeaning(question: string, lines: readonly Line[]): number[] {
  const wording = [...new Set(contentWords(question))];
  if (wording.length > MOST_MEANT) return lines.map(() => 0);
  const asked = wording.map((word) => new Wanted(word));
  const matches = lines.map((line) => {
    const told = contentWords(line.quote);
    return asked.map((wanted) => highest(told.map((word) => wanted.toldBy(word))));
  });
  return weighed(matches, asked.length);
}

function weighed(matches: number[][], asked: number): number[] {
  const weights = Array.from({ length: asked }, (_, t) =>
    idf(matches.filter((match) => match[t]! > 0).length, matches.length),
  );
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (total === 0) return matches.map(() => 0);
  return matches.map((match) => match.reduce((sum, found, t) => sum + found * weights[t]!, 0) / total);
}

/** How well each word of a question is found in a line that was heard; a pair of words finds both. */
function bySound(exact: boolean[], { sounds, pairs }: { sounds: Sound[]; pairs: Sound[] }, line: Sound): number[] {
  const eased = exact.some(Boolean);
  const together = pairs.map((pair, i) => {
    const [first, second] = [exact[i], exact[i + 1]];
    if (first && second) return 0;
    return first || second ? heardBeside(pair, sounds[first ? i + 1 : i]!, line) : heardIn(pair, line, eased);
  });
  return exact.map((found, t) =>
    found ? 1 : ALIKE * Math.max(heardIn(sounds[t]!, line, eased), together[t - 1] ?? 0, together[t] ?? 0),
  );
}
