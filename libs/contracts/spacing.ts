import type { TranscriptWord, Utterance } from './transcript.js';

/** Scripts that write words without spaces between them. */
export const SPACELESS =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;

export interface SpacedWord extends TranscriptWord {
  /** What is between it and the word before: nothing in languages without spaces. */
  space: string;
}

/** Words with times, and the space before each where the text has one. */
export function spacedWords({ text, words = [] }: Utterance): SpacedWord[] {
  let at = 0;
  return words.map((each) => {
    const found = text.indexOf(each.word, at);
    const joined = found > 0 && !/\s/.test(text[found - 1]!);
    if (found >= 0) at = found + each.word.length;
    return { ...each, space: joined ? '' : ' ' };
  });
}
