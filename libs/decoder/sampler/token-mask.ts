/** A set of allowed tokens: bit `id & 31` of word `id >> 5`. The form in which grammars hand out their masks. */
export type TokenMask = Uint32Array;

export const emptyMask = (vocabulary: number): TokenMask => new Uint32Array(Math.ceil(vocabulary / 32));

export const allows = (mask: TokenMask, token: number): boolean => ((mask[token >> 5]! >>> (token & 31)) & 1) === 1;

export function allow(mask: TokenMask, token: number): void {
  mask[token >> 5]! |= 1 << (token & 31);
}

/** Sets the logits of tokens outside the mask to -Infinity. */
export function applyMask(logits: Float32Array, mask: TokenMask): void {
  for (let word = 0, first = 0; first < logits.length; word++, first += 32) {
    const bits = mask[word]!;
    if (bits === 0xffffffff) continue;
    const end = Math.min(first + 32, logits.length);
    if (bits === 0) logits.fill(-Infinity, first, end);
    else for (let i = first; i < end; i++) if (((bits >>> (i - first)) & 1) === 0) logits[i] = -Infinity;
  }
}

/** The allowed token with the largest logit (the lowest id among equals), or -1 when none is allowed. */
export function argmaxWithin(logits: Float32Array, mask: TokenMask): number {
  let best = -Infinity;
  let at = -1;
  for (let word = 0; word < mask.length; word++) {
    for (let bits = mask[word]!; bits !== 0; bits &= bits - 1) {
      const token = word * 32 + (31 - Math.clz32(bits & -bits));
      if (logits[token]! > best) {
        best = logits[token]!;
        at = token;
      }
    }
  }
  return at;
}
