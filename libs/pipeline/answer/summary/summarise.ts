import type { Line } from '../../compose/lines.js';
import { centrality, mostCentral } from './central.js';
import { bm25, words } from '../words/lexical.js';

/** One sentence of a summary and the line that it rests on most. */
export interface SummarySentence {
  text: string;
  source: Line;
}

export interface SummariseOptions {
  /**
   * What a model says of a few lines, in one sentence; undefined when it has nothing to say of them. Without it each part is told by its
   * own most central sentence.
   */
  tell?: ((lines: Line[]) => Promise<string | undefined>) | undefined;
  /** How many lines from the first on the decoder reads at once. */
  fits: (lines: Line[]) => number;
  /** Parts that are told at once. */
  atOnce?: number;
  /** Told after each part: parts done, and all. */
  onProgress?: (done: number, total: number) => void;
}

/** Sentences of a summary that somebody still reads. */
export const MOST_SENTENCES = 8;
/** Parts that are told, however long the material is: what bounds the time. */
export const MOST_PARTS = 24;

/**
 * Map and reduce: the material, one sentence a line, is cut into parts, each part becomes a sentence, and of these the most central ones that do not
 * repeat each other are kept. Of a part that is too long for the decoder its most central lines are told.
 */
export async function summarise(lines: readonly Line[], options: SummariseOptions): Promise<SummarySentence[]> {
  const { tell, fits, atOnce = 8, onProgress } = options;
  const parts = partsOf(lines, fits);
  const told = new Array<SummarySentence | undefined>(parts.length);
  let next = 0;
  let done = 0;
  const work = async (): Promise<void> => {
    while (next < parts.length) {
      const index = next++;
      const part = parts[index]!;
      const text = await tell?.(part);
      told[index] = (text === undefined ? undefined : grounded(text, part)) ?? extract(part);
      onProgress?.(++done, parts.length);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, parts.length) }, work));
  const sentences = told.filter((sentence) => sentence !== undefined);
  return mostCentral(sentences.map(({ text }) => text), MOST_SENTENCES).map((i) => sentences[i]!); // prettier-ignore
}

/** Parts of as many lines each, at least one a sentence of a summary of this length; each what the decoder reads at once. */
function partsOf(lines: readonly Line[], fits: (lines: Line[]) => number): Line[][] {
  const atLeast = Math.min(MOST_SENTENCES, Math.ceil(Math.sqrt(lines.length)));
  const whole = Math.ceil(lines.length / Math.max(1, fits([...lines])));
  const count = Math.min(MOST_PARTS, Math.max(atLeast, whole));
  const cut = (i: number): number => Math.round((i * lines.length) / count);
  return Array.from({ length: count }, (_, i) => telling(lines.slice(cut(i), cut(i + 1)), fits)).filter((part) => part.length > 0); // prettier-ignore
}

/** Of a part that is too long its most central lines, as they follow each other. */
function telling(part: Line[], fits: (lines: Line[]) => number): Line[] {
  const scores = centrality(part.map(({ quote }) => quote));
  const ranked = [...part.keys()].sort((a, b) => scores[b]! - scores[a]!);
  const kept = new Set(ranked.slice(0, Math.max(1, fits(ranked.map((i) => part[i]!)))));
  return part.filter((_, i) => kept.has(i));
}

/** Share of the words of what is told that the part must have. */
const FROM_THE_PART = 0.8;
const FEWEST_WORDS = 5;
const MOST_WORDS = 45;

/** What was told, when it is a sentence made of the part's own words. */
function grounded(text: string, part: Line[]): SummarySentence | undefined {
  const count = text.split(/\s+/).length;
  if (count < FEWEST_WORDS || count > MOST_WORDS) return undefined;
  const own = words(text);
  const known = new Set(part.flatMap(({ quote }) => words(quote)));
  if (own.filter((word) => known.has(word)).length < FROM_THE_PART * Math.max(1, own.length)) return undefined;
  const scores = bm25(text, part.map(({ quote }) => quote)); // prettier-ignore
  return { text: closed(text), source: part[scores.indexOf(Math.max(...scores))]! };
}

/** The sentence of a part that says most of what it says. */
function extract(part: Line[]): SummarySentence | undefined {
  const [best] = mostCentral(part.map(({ quote }) => quote), 1); // prettier-ignore
  const source = best === undefined ? undefined : part[best];
  return source && { text: closed(source.quote), source };
}

/** A sentence as it is written: with a capital and a full stop. */
function closed(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]["”’)]?$/.test(begun) ? begun : `${begun.replace(/[,;:]$/, '')}.`;
}
