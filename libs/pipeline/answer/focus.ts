import type { Line } from '../compose/lines.js';
import type { TimelineSegment } from '../compose/segments.js';
import { placeIn, type InPlace } from './in-place.js';
import { ALL, coverage } from './words/coverage.js';
import { bm25, highest } from './words/lexical.js';
import { withoutAnswerType } from './question/question.js';

/** Questions that need the whole material, not a place in it. "How many visitors were there?" asks for a number that is told in one. */
const WHOLE =
  /\b(summar\w*|overview|outline|list|chapters?|how often|(how many|number of) (times|occasions)|order|first|last|before|after|next|all|every\w*|compare|describe|topics?)\b|\babout\s*\?\s*$/i;
/** A line this weak beside the best one has nothing to do with the question. */
const RELATED = 0.3;
/** The same where many lines are like one that holds all of the question: a small model takes one for another. */
const RELATED_TO_ALL = 0.6;
/** What happens at the same time as a line this strong belongs to it: what was shown while it was said. */
const STRONG = 0.6;
/** Share of a question's words from which a line belongs to it, however rare they are elsewhere. */
const COVERED = 0.5;
const MOST_LINES = 24;
/** Below this there is nothing to gain. */
const FEW_LINES = 6;

/**
 * The lines that a question about one place in the material is about: those that share its words, and what happens at
 * the same time. Undefined when no line does, when the question is about the whole, or when little would be left out.
 * Of a question that names its place ("on page 3") only what lies there, all of it or related to the rest of the question.
 * A small model reads a short, related context much better than a long one (docs/decisions/0002).
 */
export function focus(question: string, segments: TimelineSegment[], place?: InPlace): Line[] | undefined {
  const lines = segments.flatMap((segment) => segment.lines);
  const { about, there } = place ?? placeIn(question, lines);
  return there ? (related(about, there) ?? there) : related(about, lines);
}

function related(question: string, lines: Line[]): Line[] | undefined {
  if (lines.length < FEW_LINES || WHOLE.test(question)) return undefined;
  const shares = coverage(withoutAnswerType(question), lines);
  const scores = relation(question, lines, shares);
  const top = highest(scores);
  if (top <= 0) return undefined;
  const ranked = [...scores.keys()].sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0));
  const above = (least: number): number[] => ranked.filter((i) => (scores[i] ?? 0) >= least * top).slice(0, MOST_LINES);
  const near = above(RELATED);
  const crowded = near.length > FEW_LINES && highest(shares) >= ALL;
  const kept = new Set(crowded ? above(RELATED_TO_ALL) : near);
  // A chapter is as long as all that happens in it.
  const strong = [...kept].filter((i) => (scores[i] ?? 0) >= STRONG * top && lines[i]?.kind !== 'chapter');
  lines.forEach((line, i) => {
    if (line.kind !== 'chapter' && kept.size < MOST_LINES && strong.some((s) => overlap(line, lines[s] as Line)))
      kept.add(i);
  });
  return kept.size > 0.7 * lines.length ? undefined : lines.filter((_, i) => kept.has(i));
}

/** BM25, and as much for a line that covers the question by its sound. */
function relation(question: string, lines: readonly Line[], shares: number[]): number[] {
  const byWords = bm25(question, lines.map(({ quote }) => quote)); // prettier-ignore
  const top = highest(byWords) || 1;
  return shares.map((share, i) => Math.max(byWords[i]!, share >= COVERED ? share * top : 0));
}

/** Whether two lines happen together for more than half of the shorter one. */
export function overlap(a: Line, b: Line): boolean {
  if (a.span.mediumId !== b.span.mediumId) return false;
  const [from, to, start, end] = [a.span.start, a.span.end, b.span.start, b.span.end];
  if (from === undefined || to === undefined || start === undefined || end === undefined) return false;
  return Math.min(to, end) - Math.max(from, start) > 0.5 * Math.min(to - from, end - start);
}
