import { MICROSOFT, type Graph } from '../onnx/graph.js';

/** Keys and values of one source, [B or 1, kvHeads, n, D], or [B, 1, kvHeads, 1, n, D]. */
export interface KeysValues {
  key: string;
  value: string;
  /** Added to the scores: 0 where a key may be seen, very negative where not; broadcasts to [B, kvHeads, rows, n]. */
  mask?: string;
}

/**
 * Attention of grouped query rows over keys in several places without joining them in memory: scores are joined
 * instead, which are far smaller.
 * @param query [B, kvHeads, rows, D], or [B, 1, kvHeads, parts, rows, D]; scaled by 1 / √D
 * @param lengths int64 [places]: n of each source
 * @returns the mixed values, shaped as the query, and each source's probabilities […, rows, n]
 */
export function attention(
  graph: Graph,
  query: string,
  sources: readonly KeysValues[],
  lengths: string,
): { mixed: string; probabilities: string[] } {
  const scores = sources.map(({ key, mask }) => {
    const score = graph.op('FusedMatMul', [query, key], {
      domain: MICROSOFT,
      attributes: { transB: 1 },
    });
    return mask === undefined ? score : graph.op('Add', [score, mask]);
  });
  const joined = scores.length === 1 ? scores[0]! : graph.op('Concat', scores, { attributes: { axis: -1 } });
  const weights = graph.op('Softmax', [joined], { attributes: { axis: -1 } });
  const probabilities =
    sources.length === 1
      ? [weights]
      : graph.multi('Split', [weights, lengths], sources.length, { attributes: { axis: -1 } });
  const mixed = sources
    .map(({ value }, i) => graph.op('MatMul', [probabilities[i]!, value]))
    .reduce((sum, part) => graph.op('Add', [sum, part]));
  return { mixed, probabilities };
}
