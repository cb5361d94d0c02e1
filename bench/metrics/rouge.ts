const BETA = 1.2;

/** ROUGE-L F (Lin 2004, β = 1.2 as in the caption evaluations), best precision and recall over the references, ×100. */
export function rougeL(candidates: string[][], references: string[][][]): number {
  const scores = candidates.map((candidate, image) => {
    const refs = references[image] ?? [];
    const common = refs.map((ref) => longestCommonSubsequence(candidate, ref));
    const precision = Math.max(0, ...common.map((length) => length / Math.max(1, candidate.length)));
    const recall = Math.max(0, ...common.map((length, i) => length / Math.max(1, refs[i]?.length ?? 1)));
    return precision === 0 || recall === 0
      ? 0
      : ((1 + BETA ** 2) * precision * recall) / (recall + BETA ** 2 * precision);
  });
  return (100 * scores.reduce((sum, score) => sum + score, 0)) / Math.max(1, scores.length);
}

function longestCommonSubsequence(a: string[], b: string[]): number {
  let row = new Array<number>(b.length + 1).fill(0);
  for (const word of a) {
    const next = [0];
    for (let j = 0; j < b.length; j++) {
      next.push(word === b[j] ? (row[j] ?? 0) + 1 : Math.max(row[j + 1] ?? 0, next[j] ?? 0));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
