import { words } from './lexical.js';

/** Words of texts and how often they occur, or how much they weigh. */
export type Bag = Map<string, number>;

export function bagOf(texts: readonly string[]): Bag {
  const bag: Bag = new Map();
  for (const word of texts.flatMap(words)) bag.set(word, (bag.get(word) ?? 0) + 1);
  return bag;
}

export function sum(bags: Bag[]): Bag {
  const total: Bag = new Map();
  for (const bag of bags) for (const [word, count] of bag) total.set(word, (total.get(word) ?? 0) + count);
  return total;
}

export const norm = (bag: Bag): number => Math.sqrt([...bag.values()].reduce((s, n) => s + n * n, 0));

export function cosine(a: Bag, b: Bag): number {
  const dot = [...a].reduce((s, [word, n]) => s + n * (b.get(word) ?? 0), 0);
  return dot / Math.max(Number.EPSILON, norm(a) * norm(b));
}
