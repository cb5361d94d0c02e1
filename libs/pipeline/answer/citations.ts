import type { Citation, Medium } from '#contracts';
import type { Line } from '../compose/lines.js';
import type { TimelineSegment } from '../compose/segments.js';
import { bm25, highest } from './words/lexical.js';

export interface CiteInput {
  question: string;
  answer: string;
  segments: TimelineSegment[];
  /** Attention mass per segment, as the decoder reports it. */
  evidence: number[];
  /** Media by id: a citation names the file as the user did. */
  media: Map<string, Medium>;
  limit?: number;
}

interface Candidate {
  line: Line;
  mass: number;
  score: number;
}

/** A line that shares no word with question or answer can still be evidence, but only by strong attention. */
const LEXICAL_FLOOR = 0.05;
/** Lines that are much weaker than the best one are not evidence. */
const RELATIVE_CUT = 0.45;

/**
 * The lines an answer rests on. Attention tells the segment (engine.md, "Decode over the working set"); inside it the
 * words of the answer and of the question tell the line. Scores multiply, so that a line needs both.
 */
export function cite({ question, answer, segments, evidence, media, limit = 3 }: CiteInput): Citation[] {
  const strongest = Math.max(highest(evidence), Number.EPSILON);
  const lines = segments.flatMap((segment, index) =>
    segment.lines.map((line) => ({ line, mass: evidence[index] ?? 0 })),
  );
  const passages = lines.map(({ line }) => line.quote);
  const byAnswer = scaled(bm25(answer, passages));
  const byQuestion = scaled(bm25(question, passages));
  const candidates = lines
    .map(({ line, mass }, index): Candidate => {
      const lexical = 0.6 * (byAnswer[index] ?? 0) + 0.4 * (byQuestion[index] ?? 0);
      return { line, mass, score: (LEXICAL_FLOOR + lexical) * (0.25 + mass / strongest) };
    })
    .sort((a, b) => b.score - a.score);
  const best = candidates[0]?.score ?? 0;
  return candidates
    .filter((candidate) => candidate.score >= RELATIVE_CUT * best)
    .slice(0, limit)
    .map(({ line, mass }) => citation(line, mass, media));
}

/** Lines that an answer was read from: each is as good evidence as the others. */
export function citeLines(lines: readonly Line[], media: Map<string, Medium>): Citation[] {
  return lines.map((line) => citation(line, 1 / lines.length, media));
}

function citation({ span, quote }: Line, weight: number, media: Map<string, Medium>): Citation {
  const { mediumId, start, end, page, line, file, box } = span;
  return {
    input: media.get(mediumId)?.name ?? mediumId,
    mediumId,
    start: start ?? null,
    end: end ?? null,
    page: page ?? null,
    ...(line === undefined ? {} : { line }),
    ...(file === undefined ? {} : { file }),
    ...(box === undefined ? {} : { box }),
    quote,
    weight,
  };
}

function scaled(scores: number[]): number[] {
  const top = Math.max(highest(scores), Number.EPSILON);
  return scores.map((score) => score / top);
}
