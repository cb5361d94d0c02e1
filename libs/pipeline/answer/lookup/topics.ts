import type { Line } from '../../compose/lines.js';
import { bagOf, cosine, sum } from '../words/bags.js';
import { words } from '../words/lexical.js';

/** Lines on each side of a gap that are compared. */
const WINDOW = 6;
/** A topic has at least so many lines. */
const SHORTEST = 4;
/** More would be no overview. */
const MOST = 12;

/**
 * Where the talk turns to something else: the deepest valleys of likeness between what is said before and after a line
 * (TextTiling, Hearst 1997). Each topic is its lines; few lines are one topic.
 */
export function topics(lines: readonly Line[]): Line[][] {
  const bags = lines.map(({ quote }) => bagOf([quote]));
  const likeness = lines.map((_, i) => cosine(sum(bags.slice(Math.max(0, i - WINDOW), i)), sum(bags.slice(i, i + WINDOW)))); // prettier-ignore
  const depths = lines.map((_, i) => (i === 0 ? 0 : depth(likeness, i)));
  const inner = depths.slice(1);
  const mean = inner.reduce((a, b) => a + b, 0) / Math.max(1, inner.length);
  const spread = Math.sqrt(inner.reduce((a, b) => a + (b - mean) ** 2, 0) / Math.max(1, inner.length));
  const cuts: number[] = [];
  for (const i of [...depths.keys()].sort((a, b) => (depths[b] ?? 0) - (depths[a] ?? 0))) {
    if (cuts.length === MOST - 1 || (depths[i] ?? 0) <= mean + spread / 2) break;
    if ([0, lines.length, ...cuts].every((cut) => Math.abs(cut - i) >= SHORTEST)) cuts.push(i);
  }
  const edges = [0, ...cuts.sort((a, b) => a - b), lines.length];
  return edges.slice(1).map((end, i) => lines.slice(edges[i], end));
}

/** The line of a topic that says what sets it apart from the others; a slide before anything else. */
export function titleOf(topic: readonly Line[], all: readonly Line[]): Line | undefined {
  const slide = topic.find(({ kind }) => kind === 'written');
  if (slide) return slide;
  const [here, everywhere] = [topic, all].map((lines) => bagOf(lines.map(({ quote }) => quote)));
  const telling = (line: Line): number => {
    const own = [...new Set(words(line.quote))];
    const share = own.reduce((s, word) => s + (here?.get(word) ?? 0) ** 2 / (everywhere?.get(word) ?? 1), 0);
    return share / Math.sqrt(Math.max(4, own.length));
  };
  return [...topic].sort((a, b) => telling(b) - telling(a))[0];
}

/** How far likeness falls at a gap, from the heights on both sides of it. */
function depth(likeness: number[], at: number): number {
  const climb = (step: -1 | 1): number => {
    let top = likeness[at] ?? 0;
    for (let i = at + step; i > 0 && i < likeness.length && (likeness[i] ?? 0) >= top; i += step)
      top = likeness[i] ?? 0;
    return top - (likeness[at] ?? 0);
  };
  return climb(-1) + climb(1);
}
