import type { Line } from '../compose/lines.js';
import { idf, words } from './lexical.js';
import { soundOf, soundsAlike, type Sound } from './sounds-alike.js';

/** A word that only sounds like the one asked for counts less than the word itself. */
const ALIKE = 0.7;

/**
 * How much of a question each line covers, 0 to 1: its words weighed by how rare they are in the lines (BM25's idf). A word
 * that occurs nowhere weighs most, so that a question about something else is covered by nothing. What was heard by a
 * recogniser also matches by sound, as one word or as two that were parted.
 */
export function coverage(question: string, lines: readonly Line[]): number[] {
  const terms = [...new Set(words(question))];
  const bags = lines.map(({ quote }) => new Set(words(quote)));
  const weights = terms.map((term) => idf(bags.filter((bag) => bag.has(term)).length, bags.length));
  const sounds = terms.map(soundOf);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (total === 0) return lines.map(() => 0);
  return lines.map((line, i) => {
    const bag = bags[i] ?? new Set();
    const heard = line.kind === 'said' ? heardWords(line) : [];
    const found = terms.reduce((sum, term, t) => {
      const match = bag.has(term) ? 1 : heard.some((sound) => soundsAlike(sounds[t] as Sound, sound)) ? ALIKE : 0;
      return sum + match * (weights[t] ?? 0);
    }, 0);
    return found / total;
  });
}

function heardWords({ quote }: Line): Sound[] {
  const single = quote.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  const pairs = single.slice(1).map((word, i) => (single[i] ?? '') + word);
  return [...new Set([...single, ...pairs].flatMap(words))].map(soundOf);
}
