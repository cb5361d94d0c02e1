import { literal, type Terminal } from './terminal.js';

/** A grammar as a graph. `lazy` nodes close its cycles (a schema that refers to itself) and unroll repetitions. */
export type GrammarNode =
  | { kind: 'terminal'; start: Terminal }
  | { kind: 'sequence'; items: readonly GrammarNode[] }
  | { kind: 'choice'; options: readonly GrammarNode[] }
  | { kind: 'lazy'; resolve: () => GrammarNode };

export const terminal = (start: Terminal): GrammarNode => ({ kind: 'terminal', start });
export const text = (...texts: string[]): GrammarNode => terminal(literal(...texts));
export const sequence = (...items: GrammarNode[]): GrammarNode => ({ kind: 'sequence', items });
export const choice = (...options: GrammarNode[]): GrammarNode =>
  options.length === 1 ? options[0]! : { kind: 'choice', options };

/** A node that is made when it is first reached. */
export function lazy(make: () => GrammarNode): GrammarNode {
  let made: GrammarNode | undefined;
  return { kind: 'lazy', resolve: () => (made ??= make()) };
}

/** `min` to `max` items between brackets, commas between them. */
export function repeated(open: string, item: GrammarNode, close: string, min: number, max: number): GrammarNode {
  const after: GrammarNode[] = [];
  /** What may follow the n-th item. Without an upper bound, all counts from the lower one on are the same node. */
  const tail = (count: number): GrammarNode => {
    const n = max === Infinity ? Math.min(count, Math.max(min, 1)) : count;
    return (after[n] ??= lazy(() => {
      const options: GrammarNode[] = [];
      if (n >= min) options.push(text(close));
      if (n < max) options.push(sequence(text(',', ', '), item, tail(n + 1)));
      return choice(...options);
    }));
  };
  const options: GrammarNode[] = [];
  if (min === 0) options.push(text(close));
  if (max > 0) options.push(sequence(item, tail(1)));
  return sequence(text(open), choice(...options));
}
