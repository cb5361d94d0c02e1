import type { Int8Planes } from '../pool/int8-page-store.js';

/** Pages of the pool that become rows, one token after the other. */
export interface PageRows {
  /** Page numbers in temporal order. */
  pages: readonly number[];
  /** Tokens that each of them holds. */
  tokens: Uint8Array;
  planes(layer: number): Int8Planes;
}

/** What a question may choose from. */
export interface PageChoice {
  /** Page numbers in temporal order. */
  pages: readonly number[];
  /** [pages, 16]: 1 where a row holds a token. */
  valid: Float32Array;
  /** Added to the logarithm of each page's share. */
  prior: Float32Array;
  /** Pages to keep per layer and KV head. */
  count: number;
  /** Question tokens that score. */
  scored: readonly number[];
  /** Position of the question's first token. */
  position: number;
  planes(layer: number): Int8Planes;
}

export interface Selection {
  /** [vocabulary] of the question's last token. */
  logits: Float32Array;
  /** Per layer [kvHeads, count]: numbers among the candidates, ascending. */
  chosen: Int32Array[];
  /** Per evidence layer [kvHeads, 16·count]: attention summed over the question's tokens and query heads. */
  mass: Float32Array[];
}
