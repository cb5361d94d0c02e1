import { type TokenMask, allow, emptyMask } from '../sampler/token-mask.js';
import { plainLength } from './string-terminal.js';

/**
 * The bytes of every token, arranged for asking which tokens a grammar allows. Making one takes about a quarter of a
 * second for 49,152 tokens: make it when the first schema is met.
 *
 * Inside a JSON string nearly every token fits, and fits for the same reason: it is plain text. Those tokens are kept
 * apart as ready-made masks by length; only the others are walked, as a trie in preorder:
 *
 *   node i: byte[i], depth[i], tokens ending here, and end[i], the first node that is not below it
 */
export class TokenTrie {
  /** All tokens with text. */
  readonly all: Trie;
  /** Those that are not whole characters of a JSON string. */
  readonly special: Trie;
  readonly vocabulary: number;
  readonly #bytes: readonly (Uint8Array | undefined)[];
  readonly #plain: [length: number, token: number][] = [];
  readonly #plainMasks: TokenMask[] = [];

  /** @param bytes per token id; undefined (or empty) for tokens that are no text and may never be constrained output */
  constructor(bytes: readonly (Uint8Array | undefined)[]) {
    this.vocabulary = bytes.length;
    this.#bytes = bytes;
    const texts: Entry[] = [];
    bytes.forEach((text, token) => {
      // One character per byte: strings sort by byte, and three times as fast as buffers.
      if (text && text.length > 0) texts.push({ text: Buffer.from(text).toString('latin1'), token });
    });
    texts.sort((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : a.token - b.token));
    const special = texts.filter(({ token }) => {
      const length = plainLength(bytes[token]!);
      if (length > 0) this.#plain.push([length, token]);
      return length <= 0;
    });
    this.#plain.sort(([a], [b]) => a - b);
    this.all = buildTrie(texts);
    this.special = buildTrie(special);
  }

  bytesOf(token: number): Uint8Array | undefined {
    return this.#bytes[token];
  }

  /** Tokens of at most `limit` plain characters. Shared: copy before changing it. */
  plainMask(limit: number): TokenMask {
    const longest = this.#plain.at(-1)?.[0] ?? 0;
    const length = Math.min(limit, longest);
    return (this.#plainMasks[length] ??= this.#plain.reduce((mask, [characters, token]) => {
      if (characters <= length) allow(mask, token);
      return mask;
    }, emptyMask(this.vocabulary)));
  }
}

export interface Trie {
  readonly byte: Uint8Array;
  readonly depth: Uint16Array;
  readonly end: Uint32Array;
  /** The token that ends at the node, or -1. */
  readonly token: Int32Array;
  /** Further tokens with the same bytes, by token. */
  readonly twins: ReadonlyMap<number, readonly number[]>;
  readonly maxDepth: number;
}

interface Entry {
  text: string;
  token: number;
}

function buildTrie(sorted: readonly Entry[]): Trie {
  const nodes: { byte: number; depth: number; end: number; token: number }[] = [];
  const twins = new Map<number, number[]>();
  const path: number[] = [];
  let previous = '';
  let maxDepth = 0;
  const leave = (depth: number): void => {
    while (path.length > depth) nodes[path.pop()!]!.end = nodes.length;
  };
  for (const { text, token } of sorted) {
    let same = 0;
    while (same < previous.length && same < text.length && previous[same] === text[same]) same++;
    if (same === text.length && same === previous.length) {
      const first = nodes[path.at(-1)!]!.token;
      twins.set(first, [...(twins.get(first) ?? []), token]);
      continue;
    }
    leave(same);
    for (let i = same; i < text.length; i++) {
      path.push(nodes.length);
      nodes.push({ byte: text.charCodeAt(i), depth: i, end: 0, token: -1 });
    }
    nodes.at(-1)!.token = token;
    previous = text;
    maxDepth = Math.max(maxDepth, text.length);
  }
  leave(0);
  return {
    byte: Uint8Array.from(nodes, (node) => node.byte),
    depth: Uint16Array.from(nodes, (node) => node.depth),
    end: Uint32Array.from(nodes, (node) => node.end),
    token: Int32Array.from(nodes, (node) => node.token),
    twins,
    maxDepth,
  };
}
