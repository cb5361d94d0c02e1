import { spacedWords, type Replacement, type SpacedWord, type Utterance } from '#contracts';
import { rounded } from './timed-words.js';

/** A word with what stands before and after it: quotation marks, a comma, a possessive. */
interface Dressed {
  before: string;
  core: string;
  after: string;
}

const DRESS = /^([^\p{L}\p{N}]*)(.*?)((?:['’]s)?[^\p{L}\p{N}]*)$/su;

/** What a word has around it beyond what was met. */
type Around = Pick<Dressed, 'before' | 'after'>;

/** A word that is to be replaced. */
interface Wanted extends Dressed {
  anyCase: boolean;
}

/**
 * Writes words as the user wants them. Whole words only. What is to be replaced is met in any case when it is given in
 * small letters, else only as given; a capital at the start of what was met stays. Words keep their times: one that takes
 * the place of several has all their time, several that take the place of one share it by their letters.
 */
export function respell(utterance: Utterance, replacements: readonly Replacement[]): Utterance {
  if (replacements.length === 0) return utterance;
  const timed = wordsOf(utterance);
  // The longest first, so that a name of two words wins over its first, and "let's" over "let".
  const rules = [...replacements]
    .sort((a, b) => pieces(b.from).length - pieces(a.from).length || b.from.length - a.from.length)
    .map(({ from, to }) => ({ from: pieces(from).map(wantedWord), to: pieces(to) }));
  const written: SpacedWord[] = [];
  for (let at = 0; at < timed.length;) {
    const met = firstMet(timed, at, rules);
    written.push(...(met ? replaced(timed.slice(at, at + met.count), met.to, met.around) : [timed[at]!]));
    at += met?.count ?? 1;
  }
  const text = written
    .map(({ space, word }) => space + word)
    .join('')
    .trim();
  const words = written.map(({ word, start, end }) => ({ word, start, end }));
  return { ...utterance, text, ...(utterance.words ? { words } : {}) };
}

const pieces = (text: string): string[] => text.trim().split(/\s+/).filter(Boolean);

/** The words of an utterance, with all its time where they have none of their own. */
function wordsOf(utterance: Utterance): SpacedWord[] {
  const { words, text, start, end } = utterance;
  return words ? spacedWords(utterance) : pieces(text).map((word) => ({ word, start, end, space: ' ' }));
}

function dressed(word: string): Dressed {
  const [, before = '', core = '', after = ''] = DRESS.exec(word) ?? [];
  return { before, core, after };
}

const wantedWord = (word: string): Wanted => ({ ...dressed(word), anyCase: word === word.toLowerCase() });

interface Rule {
  from: Wanted[];
  to: string[];
}

function firstMet(words: readonly SpacedWord[], at: number, rules: readonly Rule[]) {
  for (const { from, to } of rules) {
    const around = meeting(words.slice(at, at + from.length), from);
    if (around) return { count: from.length, to, around };
  }
  return undefined;
}

function meeting(words: readonly SpacedWord[], from: readonly Wanted[]): Around | undefined {
  if (from.length === 0 || words.length < from.length) return undefined;
  let whole: Around = { before: '', after: '' };
  for (const [i, wanted] of from.entries()) {
    const around = aroundOf(words[i]!.word, wanted);
    // Nothing may stand between the words of one name.
    if (!around || (i > 0 && around.before !== '') || (i < from.length - 1 && around.after !== '')) return undefined;
    whole = { before: whole.before + around.before, after: around.after };
  }
  return whole;
}

/** Marks and a possessive that were asked for belong to what is met: "let's", "Dr.", "C++". */
function aroundOf(word: string, wanted: Wanted): Around | undefined {
  const { before, core, after } = dressed(wanted.anyCase ? word.toLowerCase() : word);
  if (core !== wanted.core || !before.endsWith(wanted.before) || !after.startsWith(wanted.after)) return undefined;
  const rest = after.slice(wanted.after.length);
  // Of "let's" only "let" and "let's" are words, not "let'".
  if (wanted.after !== '' && /^\p{L}/u.test(rest)) return undefined;
  return {
    before: before.slice(0, before.length - wanted.before.length),
    after: word.slice(word.length - rest.length),
  };
}

function replaced(met: readonly SpacedWord[], to: readonly string[], { before, after }: Around): SpacedWord[] {
  const [first, last] = [met[0]!, met.at(-1)!];
  const letters = to.reduce((sum, word) => sum + word.length, 0);
  // A spelling with capitals of its own is left as it is: iPhone.
  const capital = /^\p{Lu}/u.test(dressed(first.word).core) && to.every((word) => word === word.toLowerCase());
  let start = first.start;
  return to.map((word, i) => {
    const end = i === to.length - 1 ? last.end : rounded(start + ((last.end - first.start) * word.length) / letters);
    const spelt = i === 0 && capital ? word.charAt(0).toUpperCase() + word.slice(1) : word;
    const whole = (i === 0 ? before : '') + spelt + (i === to.length - 1 ? after : '');
    const one = { word: whole, start, end, space: i === 0 ? first.space : ' ' };
    start = end;
    return one;
  });
}
