/** Rotated keys and values of a prefix, per layer [1, kvHeads, tokens, headDim]. */
export interface PrefixRows {
  tokens: number;
  keys: Float32Array[];
  values: Float32Array[];
}

/** For what nothing stands before. */
export function noPrefix(layers: number): PrefixRows {
  const empty = Array.from({ length: layers }, () => new Float32Array(0));
  return { tokens: 0, keys: empty, values: empty };
}
