/** Consonants by how alike they sound to a recogniser; vowels, h and w are what it hears worst. */
const CLASSES: [RegExp, string][] = [
  [/ph/g, 'f'],
  [/ck|[gqk]|c(?![eiy])/g, 'k'],
  [/tch|ch|sh|[szjx]|c(?=[eiy])/g, 's'],
  [/th|[td]/g, 't'],
  [/[bp]/g, 'p'],
  [/[fv]/g, 'f'],
  [/[mn]/g, 'n'],
];
const SHORTEST = 4;

/** The consonants of a word: "umbrella" and "unbrella" are both "nprl". Repeated ones count once. */
export function skeleton(word: string): string {
  const classes = CLASSES.reduce((text, [letters, code]) => text.replace(letters, code), word.toLowerCase());
  return classes.replace(/[aeiouyhw]/g, '').replace(/(.)\1+/g, '$1');
}

/** A word and its skeleton, which is what is compared often. */
export interface Sound {
  word: string;
  skeleton: string;
}

export const soundOf = (word: string): Sound => ({ word, skeleton: skeleton(word) });

/** Whether one of two words may have been heard for the other. Short words only when they differ by one letter. */
export function soundsAlike(a: Sound, b: Sound): boolean {
  if (a.word === b.word) return true;
  if (a.word.length < SHORTEST || b.word.length < SHORTEST) return false;
  if (a.skeleton === b.skeleton) return a.skeleton.length >= 3 || distance(a.word, b.word) <= 1;
  // What follows was run into the word: "unbrellal", "unbrellantly".
  if (begins(a.skeleton, b.skeleton) || begins(b.skeleton, a.skeleton)) return true;
  if (Math.abs(a.skeleton.length - b.skeleton.length) > 1) return false;
  return Math.min(a.skeleton.length, b.skeleton.length) >= 4 && distance(a.skeleton, b.skeleton) <= 1;
}

const begins = (word: string, longer: string): boolean =>
  word.length >= 4 && longer.startsWith(word) && longer.length <= word.length + 2;

/** Levenshtein's distance. */
export function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + Number(a[i - 1] !== b[j - 1])));
    row = next;
  }
  return row[b.length] ?? 0;
}
