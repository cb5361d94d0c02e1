import { TesseraError } from '#contracts';
import { lexicalPrior } from './words/lexical.js';

/**
 * Asks about as much as an engine takes (our decoder leaves out by itself): where it refuses the whole, the half that shares most with the question, in its
 * order, and so on. Of what shares nothing, every second segment stays.
 * @throws TesseraError `context_too_long` when a single segment is too long
 */
export async function whatFits<S extends { quote: string }, Done>(
  question: string,
  segments: S[],
  ask: (segments: S[], prior: number[]) => Promise<Done>,
): Promise<{ done: Done; segments: S[] }> {
  const prior = lexicalPrior(question, segments);
  try {
    return { done: await ask(segments, prior), segments };
  } catch (error) {
    if (segments.length < 2 || !(error instanceof TesseraError) || error.code !== 'context_too_long') throw error;
    return whatFits(question, half(segments, prior), ask);
  }
}

function half<S>(segments: readonly S[], prior: readonly number[]): S[] {
  const order = [...segments.keys()].sort((a, b) => (prior[b] ?? 0) - (prior[a] ?? 0) || (a % 2) - (b % 2) || a - b);
  const kept = new Set(order.slice(0, Math.ceil(segments.length / 2)));
  return segments.filter((_, i) => kept.has(i));
}
