import { remembered } from './remembered.js';

/** English spelling to rough phonemes: digraphs first, then letters that depend on what follows; every vowel is one `a`. */
const SPELLING: [RegExp, string][] = [
  [/\bkn/g, 'n'],
  [/\bwr/g, 'r'],
  [/mb\b/g, 'm'],
  [/tch|ch|sh/g, 'S'],
  [/th/g, 'T'],
  [/ph/g, 'f'],
  [/gh(?=t)/g, ''],
  [/ck/g, 'k'],
  [/qu/g, 'kw'],
  [/x/g, 'ks'],
  [/c(?=[eiy])/g, 's'],
  [/c/g, 'k'],
  [/dg|g(?=[ei])/g, 'j'],
  [/wh/g, 'w'],
  [/e\b/g, ''],
  [/(?<=[aeiou])h/g, ''],
  [/\by/g, 'Y'],
  [/[aeiouy]+/g, 'a'],
  [/Y/g, 'y'],
];
const REPEATED = /(.)\1+/g;

/** Phonemes that are heard for each other, and what that costs: those that differ in voice least, then those of one place or manner. */
const CONFUSED: [string, number][] = [
  ['td', 0.2], ['fv', 0.2], ['sz', 0.2], ['pb', 0.25], ['kg', 0.25], ['Sj', 0.25], ['Ttd', 0.3], ['Tf', 0.3], ['sS', 0.3],
  ['zj', 0.3], ['mn', 0.3], ['bv', 0.4], ['wv', 0.4], ['gj', 0.4], ['tS', 0.4], ['dj', 0.4], ['bm', 0.45], ['pf', 0.45],
  ['pm', 0.5], ['dn', 0.5], ['lr', 0.5], ['kt', 0.5], ['rw', 0.5], ['lw', 0.5], ['hf', 0.5], ['yj', 0.5], ['ptk', 0.6],
  ['bdg', 0.6], ['nl', 0.6],
]; // prettier-ignore
const SUBSTITUTION = new Map<string, number>();
for (const [group, cost] of [...CONFUSED].reverse())
  for (const a of group) for (const b of group) SUBSTITUTION.set(a + b, a === b ? 0 : cost);

/** Vowels are heard worst, then what is nearly one. */
const isVowel = (symbol: string): boolean => symbol === 'a';
const isWeak = (symbol: string): boolean => 'hwyr'.includes(symbol);
const OTHERWISE = 0.9;
const VOWEL_FOR_CONSONANT = 1;

const substitution = (a: string, b: string): number =>
  a === b ? 0 : (SUBSTITUTION.get(a + b) ?? (isVowel(a) || isVowel(b) ? VOWEL_FOR_CONSONANT : OTHERWISE));
const gap = (symbol: string): number => (isVowel(symbol) ? 0.3 : isWeak(symbol) ? 0.5 : 0.7);
const weigh = (symbol: string): number => (isVowel(symbol) ? 0.3 : isWeak(symbol) ? 0.6 : 1);

/** Symbols are ASCII letters: costs lie in tables by their codes, since an hour of speech is compared with every word of a question. */
const CODES = 128;
const characters = Array.from({ length: CODES }, (_, code) => String.fromCharCode(code));
const GAPS = Float64Array.from(characters, gap);
const SUBSTITUTIONS = Float64Array.from(characters.flatMap((a) => characters.map((b) => substitution(a, b))));

/** How something sounds, roughly. */
export interface Sound {
  symbols: string;
  /** How much there is to recognise it by. */
  weight: number;
}

const soundOfWord = remembered((word) => SPELLING.reduce((sound, [letters, symbol]) => sound.replace(letters, symbol), word)); // prettier-ignore

/** @param text one word or several, which run into each other as in speech */
export function soundOf(text: string): Sound {
  const symbols = (text.toLowerCase().match(/[a-z]+/g) ?? []).map(soundOfWord).join('').replace(REPEATED, '$1');
  return { symbols, weight: [...symbols].reduce((sum, symbol) => sum + weigh(symbol), 0) };
}

/**
 * How much like a part of `stretch` a sound is, wherever in it and across its words: 1 less the cost of the best alignment
 * (Sellers 1980) for the sound's weight. A recogniser parts words elsewhere than the speaker.
 */
export function likeness(sound: Sound, stretch: Sound): number {
  return sound.weight === 0 ? 0 : Math.max(0, 1 - costOf(sound, stretch, Infinity) / sound.weight);
}

/** The least cost of an alignment; infinite as soon as it is known to be more than `most`. */
function costOf({ symbols }: Sound, { symbols: stretch }: Sound, most: number): number {
  let row = new Float32Array(stretch.length + 1);
  let next = new Float32Array(row.length);
  let least = 0;
  for (let i = 0; i < symbols.length; i++) {
    const symbol = symbols.charCodeAt(i);
    const missing = GAPS[symbol]!;
    next[0] = row[0]! + missing;
    least = next[0];
    for (let j = 1; j < row.length; j++) {
      const heard = stretch.charCodeAt(j - 1);
      const replaced = row[j - 1]! + SUBSTITUTIONS[symbol * CODES + heard]!;
      next[j] = Math.min(row[j]! + missing, next[j - 1]! + GAPS[heard]!, replaced);
      if (next[j]! < least) least = next[j]!;
    }
    // No step lowers a cost.
    if (least > most) return Infinity;
    [row, next] = [next, row];
  }
  return least;
}

/**
 * The least likeness by weight: what no more than about one line of two hundred of other speech reaches by chance. A short
 * word sounds like something in every line.
 */
const LEAST: [weight: number, likeness: number][] = [[7.4, 0.77], [6.4, 0.79], [5.4, 0.83], [4.4, 0.88], [3.2, 0.96]]; // prettier-ignore
/** Where another word of the question stands in the line as it is written, chance is no longer what speaks. */
const EASED = 0.05;

/** Likeness where it is more than chance, else 0. */
export function heardIn(sound: Sound, stretch: Sound, eased: boolean): number {
  const least = LEAST.find(([weight]) => sound.weight >= weight)?.[1];
  return least === undefined ? 0 : atLeast(least - (eased ? EASED : 0), sound, stretch);
}

/** How much of a word may be otherwise beside a neighbour that stands there as it is written. */
const MOST_OTHERWISE = 0.35;

/** Likeness of two words where one of them is there as it is written, and the other is heard beside it. */
export function heardBeside(pair: Sound, other: Sound, stretch: Sound): number {
  return pair.weight === 0 ? 0 : atLeast(1 - (MOST_OTHERWISE * other.weight) / pair.weight, pair, stretch);
}

/** What rounding may make of a cost. */
const ROUNDING = 1e-3;

function atLeast(least: number, sound: Sound, stretch: Sound): number {
  if (sound.weight === 0) return 0;
  const cost = costOf(sound, stretch, (1 - least) * sound.weight + ROUNDING);
  const found = Math.max(0, 1 - cost / sound.weight);
  return found >= least ? found : 0;
}
