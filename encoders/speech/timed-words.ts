import { SPACELESS, type TranscriptWord } from '#contracts';
import type { Recognition, SpeechVocabulary } from './recognition.js';

export interface TimedWord extends TranscriptWord {
  tokens: number[];
}

const SAMPLE_RATE = 16_000;

/** To the millisecond. */
export const rounded = (seconds: number): number => Math.round(seconds * 1000) / 1000;

/** Words with their times in seconds of the file: monotonic, inside the stretch and covering it. */
export function timedWords(
  { start, end }: { start: number; end: number },
  { tokens, starts = [] }: Recognition,
  vocabulary: SpeechVocabulary,
): TimedWord[] {
  const words = grouped(tokens, vocabulary).map(({ text, from, to }) => ({
    word: text,
    tokens: tokens.slice(from, to),
    at: Math.min(end, rounded(start + starts[from]! / SAMPLE_RATE)),
  }));
  return words.map(({ word, tokens: ids, at }, i) => ({
    word,
    tokens: ids,
    start: i === 0 ? start : at,
    end: words[i + 1]?.at ?? end,
  }));
}

/** The tokens from `from` up to, not with, `to`, and their text. */
interface Group {
  text: string;
  from: number;
  to: number;
}

/** Words that a space begins; what is written without spaces, a word for each whole character that a token begins. */
function grouped(tokens: readonly number[], vocabulary: SpeechVocabulary): Group[] {
  const groups: Group[] = [];
  for (const { from, to } of characters(tokens, vocabulary)) {
    const [open, text] = [groups.at(-1), vocabulary.decode(tokens.slice(from, to))];
    if (open === undefined || spaced(tokens[from]!, vocabulary) || beginsSpaceless(open.text, text)) {
      groups.push({ text, from, to });
    } else {
      open.text = vocabulary.decode(tokens.slice(open.from, to));
      open.to = to;
    }
  }
  return groups.filter(({ text }) => text !== '');
}

/** Runs of tokens that hold whole characters: a token may be some of a character's bytes (Whisper's split_tokens_on_unicode). */
function characters(tokens: readonly number[], vocabulary: SpeechVocabulary): { from: number; to: number }[] {
  const runs: { from: number; to: number }[] = [];
  tokens.forEach((id, i) => {
    const open = runs.at(-1);
    const broken = open && vocabulary.decode(tokens.slice(open.from, i)).endsWith('\uFFFD');
    if (broken && !spaced(id, vocabulary)) open.to = i + 1;
    else runs.push({ from: i, to: i + 1 });
  });
  return runs;
}

const spaced = (id: number, vocabulary: SpeechVocabulary): boolean => vocabulary.piece(id).startsWith(' ');

/** Neither a vowel sign nor a mark of length or repetition, nor what closes. */
const BEGINS = /^[\p{Lu}\p{Ll}\p{Lo}\p{N}\p{Ps}\p{Pi}]/u;
const OPENS = /[\p{Ps}\p{Pi}]$/u;

/** By scripts, not by the language: what is translated from Chinese is English. */
const beginsSpaceless = (before: string, text: string): boolean =>
  BEGINS.test(text) && !OPENS.test(before) && (SPACELESS.test(before) || SPACELESS.test([...text][0]!));
