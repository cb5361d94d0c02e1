import type { Line } from '../compose/lines.js';
import { timecode } from '../compose/timecode.js';
import { bm25 } from './lexical.js';

/** One sentence of a summary and the line that it rests on most. */
export interface SummarySentence {
  text: string;
  source: Line;
}

export interface SummariseOptions {
  /** What the decoder says of a few lines, in one sentence; undefined when it has nothing to say of them. */
  tell: (lines: Line[]) => Promise<string | undefined>;
  /** Parts that are told at once. */
  atOnce?: number;
  /** Told after each part: parts done, and all that are planned so far. */
  onProgress?: (done: number, total: number) => void;
}

/** Sentences of a summary that somebody still reads. */
export const MOST_SENTENCES = 8;
/** Sentences that become one where there are too many. */
const TOGETHER = 3;

/**
 * Map and reduce: each part becomes a sentence, and where these are too many, neighbouring sentences become one, until few
 * enough are left. However long the material is, the decoder never reads more than one part.
 */
export async function summarise(parts: readonly Line[][], options: SummariseOptions): Promise<SummarySentence[]> {
  const { tell, atOnce = 8, onProgress } = options;
  let total = callsFor(parts.length);
  let done = 0;
  const level = async (groups: readonly Line[][]): Promise<SummarySentence[]> => {
    const told = new Array<string | undefined>(groups.length);
    let next = 0;
    const work = async (): Promise<void> => {
      while (next < groups.length) {
        const index = next++;
        told[index] = await tell(groups[index] ?? []);
        onProgress?.(++done, Math.max(done, total));
      }
    };
    await Promise.all(Array.from({ length: Math.min(atOnce, groups.length) }, work));
    return withoutRepeats(told.flatMap((text, i) => sentenceOf(text, groups[i] ?? [])));
  };
  let sentences = await level(parts);
  while (sentences.length > MOST_SENTENCES) {
    const groups = grouped(sentences, TOGETHER);
    total = done + callsFor(groups.length);
    const lines = groups.map((group) => group.map(toLine));
    const shorter = await level(lines);
    // The lines of this level are sentences of ours: what they rest on is what the reader is shown.
    sentences = shorter.map(({ text, source }) => ({ text, source: sentences.find((each) => each.text === source.quote)?.source ?? source })); // prettier-ignore
    if (shorter.length === 0) break;
  }
  return sentences;
}

/** Calls of the decoder for so many parts, with all levels above. */
function callsFor(parts: number): number {
  return parts <= MOST_SENTENCES ? parts : parts + callsFor(Math.ceil(parts / TOGETHER));
}

function sentenceOf(text: string | undefined, lines: Line[]): SummarySentence[] {
  const [first] = lines;
  if (text === undefined || text === '' || !first) return [];
  const scores = bm25(text, lines.map(({ quote }) => quote)); // prettier-ignore
  const best = scores.reduce((top, score, i) => (score > (scores[top] ?? 0) ? i : top), 0);
  return [{ text: /[.!?]["”’)]?$/.test(text) ? text : `${text}.`, source: lines[best] ?? first }];
}

/** A small model says the same of parts that are alike: once is enough. */
function withoutRepeats(sentences: SummarySentence[]): SummarySentence[] {
  const seen = new Set<string>();
  return sentences.filter(({ text }) => {
    const key = text.toLowerCase();
    return !seen.has(key) && seen.add(key);
  });
}

function toLine({ text, source }: SummarySentence): Line {
  const { start, page } = source.span;
  const mark = start !== undefined ? `[${timecode(start)}] ` : page !== undefined ? `[page ${page}] ` : '';
  return { text: `${mark}${text}\n`, span: source.span, quote: text };
}

/** Neighbours together, `size` of them; the last may be fewer. */
export function grouped<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}
