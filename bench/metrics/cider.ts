import { ngrams } from './words.js';

const N = 4;
const SIGMA = 6;

type Vector = { weights: Map<string, number>[]; norms: number[]; length: number };

/**
 * CIDEr-D ×100 (Vedantam et al. 2015, the clipped, length-penalised form), mean over the images.
 * Document frequencies come from the references given, one document per image.
 */
export function ciderD(candidates: string[][], references: string[][][]): { mean: number; scores: number[] } {
  const documents = new Map<string, number>();
  for (const refs of references) {
    const seen = new Set(refs.flatMap((ref) => allNgrams(ref)));
    for (const gram of seen) documents.set(gram, (documents.get(gram) ?? 0) + 1);
  }
  const logImages = Math.log(references.length);
  const vector = (words: string[]): Vector => {
    const weights = Array.from({ length: N }, (_, i) => {
      const counts = ngrams(words, i + 1);
      return new Map(
        [...counts].map(([gram, count]) => [
          gram,
          count * (logImages - Math.log(Math.max(1, documents.get(gram) ?? 0))),
        ]),
      );
    });
    const norms = weights.map((each) =>
      Math.sqrt([...each.values()].reduce((sum, weight) => sum + weight * weight, 0)),
    );
    // The reference implementation measures length in bigrams; the difference of two lengths is the same in words.
    return { weights, norms, length: Math.max(0, words.length - 1) };
  };
  const scores = candidates.map((candidate, image) => {
    const refs = references[image] ?? [];
    const own = vector(candidate);
    const total = refs.reduce((sum, ref) => sum + similarity(own, vector(ref)), 0);
    return refs.length === 0 ? 0 : (1000 * total) / refs.length;
  });
  return { mean: scores.reduce((sum, score) => sum + score, 0) / Math.max(1, scores.length), scores };
}

function allNgrams(words: string[]): string[] {
  return Array.from({ length: N }, (_, i) => [...ngrams(words, i + 1).keys()]).flat();
}

function similarity(candidate: Vector, reference: Vector): number {
  const delta = candidate.length - reference.length;
  const penalty = Math.exp(-(delta * delta) / (2 * SIGMA * SIGMA));
  let sum = 0;
  for (let n = 0; n < N; n++) {
    const refWeights = reference.weights[n] as Map<string, number>;
    let dot = 0;
    for (const [gram, weight] of candidate.weights[n] as Map<string, number>) {
      const other = refWeights.get(gram) ?? 0;
      dot += Math.min(weight, other) * other;
    }
    const norm = (candidate.norms[n] ?? 0) * (reference.norms[n] ?? 0);
    sum += norm === 0 ? 0 : (dot / norm) * penalty;
  }
  return sum / N;
}
