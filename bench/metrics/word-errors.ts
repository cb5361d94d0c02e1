/** Substitutions, deletions and insertions that turn the reference into the hypothesis (Levenshtein over words). */
export function wordErrors(reference: readonly string[], hypothesis: readonly string[]): number {
  let row = Array.from({ length: hypothesis.length + 1 }, (_, j) => j);
  reference.forEach((word, i) => {
    const next = [i + 1];
    hypothesis.forEach((other, j) => {
      next.push(Math.min(row[j + 1]! + 1, next[j]! + 1, row[j]! + (word === other ? 0 : 1)));
    });
    row = next;
  });
  return row[hypothesis.length]!;
}

/** Word error rate over a whole set: all errors by all reference words. */
export function wordErrorRate(
  pairs: readonly { reference: string; hypothesis: string }[],
  normalise: (text: string) => string,
): number {
  const words = (text: string) => normalise(text).split(' ').filter(Boolean);
  const errors = pairs.reduce(
    (sum, { reference, hypothesis }) => sum + wordErrors(words(reference), words(hypothesis)),
    0,
  );
  return errors / pairs.reduce((sum, { reference }) => sum + words(reference).length, 0);
}
