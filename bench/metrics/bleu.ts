import { ngrams } from './words.js';

/** Corpus BLEU-4 (Papineni et al. 2002) with the closest reference length, ×100. */
export function bleu4(candidates: string[][], references: string[][][]): number {
  const matches = [0, 0, 0, 0];
  const totals = [0, 0, 0, 0];
  let length = 0;
  let closest = 0;
  candidates.forEach((candidate, image) => {
    const refs = references[image] ?? [];
    length += candidate.length;
    closest +=
      refs
        .map((ref) => ref.length)
        .sort((a, b) => Math.abs(a - candidate.length) - Math.abs(b - candidate.length) || a - b)[0] ?? 0;
    for (let n = 1; n <= 4; n++) {
      const counts = refs.map((ref) => ngrams(ref, n));
      for (const [gram, count] of ngrams(candidate, n)) {
        const allowed = Math.max(0, ...counts.map((each) => each.get(gram) ?? 0));
        matches[n - 1] = (matches[n - 1] ?? 0) + Math.min(count, allowed);
        totals[n - 1] = (totals[n - 1] ?? 0) + count;
      }
    }
  });
  if (matches.some((count) => count === 0)) return 0;
  const precision = matches.reduce((sum, count, i) => sum + Math.log(count / (totals[i] ?? 1)) / 4, 0);
  const brevity = length >= closest ? 1 : Math.exp(1 - closest / Math.max(1, length));
  return 100 * brevity * Math.exp(precision);
}
