import type { Replacement, TranscriptWord, Utterance } from '#contracts';
import { rounded } from './utterance.js';

/** A word with what stands before and after it: quotation marks, a comma, a possessive. */
interface Dressed {
  before: string;
  core: string;
  after: string;
}

const DRESS = /^([^\p{L}\p{N}]*)(.*?)((?:['’]s)?[^\p{L}\p{N}]*)$/su;

/**
 * Writes words as the user wants them. Whole words only. What is to be replaced is met in any case when it is given in
 * small letters, else only as given; a capital at the start of what was met stays. Words keep their times: one that takes
 * the place of several has all their time, several that take the place of one share it by their letters.
 */
export function respell(utterance: Utterance, replacements: readonly Replacement[]): Utterance {
  if (replacements.length === 0) return utterance;
  const { words, start, end, text } = utterance;
  const timed = words ?? text.split(/\s+/).map((word) => ({ word, start, end }));
  // The longest first, so that a name of two words wins over its first.
  const rules = replacements
    .map(({ from, to }) => ({ from: pieces(from), to: pieces(to) }))
    .sort((a, b) => b.from.length - a.from.length);
  const written: TranscriptWord[] = [];
  for (let at = 0; at < timed.length;) {
    const rule = rules.find(({ from }) => meets(timed, at, from));
    const count = rule?.from.length ?? 1;
    const met = timed.slice(at, at + count);
    written.push(...(rule ? replaced(met, rule.to) : met));
    at += count;
  }
  return { ...utterance, text: written.map(({ word }) => word).join(' '), ...(words ? { words: written } : {}) };
}

const pieces = (text: string): string[] => text.trim().split(/\s+/).filter(Boolean);

function dressed(word: string): Dressed {
  const [, before = '', core = '', after = ''] = DRESS.exec(word) ?? [];
  return { before, core, after };
}

function meets(words: readonly TranscriptWord[], at: number, from: readonly string[]): boolean {
  if (from.length === 0 || at + from.length > words.length) return false;
  return from.every((wanted, i) => {
    const { before, core, after } = dressed(words[at + i]!.word);
    const same = wanted === wanted.toLowerCase() ? core.toLowerCase() === wanted : core === wanted;
    // Nothing may stand between the words of one name.
    return same && (i === 0 || before === '') && (i === from.length - 1 || after === '');
  });
}

function replaced(met: readonly TranscriptWord[], to: readonly string[]): TranscriptWord[] {
  if (to.length === 0) return [];
  const [first, last] = [met[0]!, met.at(-1)!];
  const { before, core } = dressed(first.word);
  const letters = to.reduce((sum, word) => sum + word.length, 0);
  // A spelling with capitals of its own is left as it is: iPhone.
  const capital = /^\p{Lu}/u.test(core) && to.every((word) => word === word.toLowerCase());
  let start = first.start;
  return to.map((word, i) => {
    const end = i === to.length - 1 ? last.end : rounded(start + ((last.end - first.start) * word.length) / letters);
    const spelt = i === 0 && capital ? word.charAt(0).toUpperCase() + word.slice(1) : word;
    const whole = (i === 0 ? before : '') + spelt + (i === to.length - 1 ? dressed(last.word).after : '');
    const one = { word: whole, start, end };
    start = end;
    return one;
  });
}
