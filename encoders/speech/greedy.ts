import { hotwordBonus } from './hotwords.js';
import type { Recognition } from './recognition.js';
import { loopStart, unendedLoopStart } from './repetition.js';

export interface Choice {
  id: number;
  logprob: number;
}

/** What a decoder thinks of the next token of each utterance. */
export interface NextTokens {
  /** The likeliest token. */
  best(row: number): Choice;
  /** All logits of an utterance; asked for only when there are hot words. */
  logits(row: number): Float32Array;
}

export interface GreedyOptions {
  /** Tokens that each utterance begins with, all of one length. */
  start: readonly (readonly number[])[];
  /** Most tokens of each utterance. */
  limits: readonly number[];
  end: number;
  hotwords: readonly (readonly number[])[];
  /** One call for each step: `tokens` are int64 [utterances, n], the first of them at `position`. */
  step(tokens: BigInt64Array<ArrayBuffer>, position: number): Promise<NextTokens>;
}

/** The likeliest token after the likeliest token, of several utterances together, until each of them ends, loops or is full. */
export async function decodeGreedy({ start, limits, end, hotwords, step }: GreedyOptions): Promise<Recognition[]> {
  const results: Recognition[] = start.map(() => ({ tokens: [], logprobs: [], looped: false }));
  const open = new Set(results.keys());
  let tokens = BigInt64Array.from(start.flat(), BigInt);
  for (let position = 0; open.size > 0;) {
    const next = await step(tokens, position);
    position += tokens.length / start.length;
    // An utterance that has ended goes on with its end, which nobody reads.
    tokens = new BigInt64Array(start.length).fill(BigInt(end));
    for (const i of open) {
      const result = results[i]!;
      const chosen = choose(next, i, hotwords, result.tokens);
      tokens[i] = BigInt(chosen.id);
      result.logprobs.push(chosen.logprob);
      if (chosen.id === end) {
        open.delete(i);
        continue;
      }
      result.tokens.push(chosen.id);
      const full = result.tokens.length >= limits[i]!;
      const keep = loopStart(result.tokens) ?? (full ? unendedLoopStart(result.tokens) : undefined);
      if (keep !== undefined) {
        result.looped = true;
        result.tokens.length = keep;
        result.logprobs.length = keep;
      }
      if (keep !== undefined || full) open.delete(i);
    }
  }
  return results;
}

/** The best token once the bonuses of hot words are added. Its log probability stays that of the model. */
function choose(
  next: NextTokens,
  row: number,
  hotwords: readonly (readonly number[])[],
  said: readonly number[],
): Choice {
  const likeliest = next.best(row);
  if (hotwords.length === 0) return likeliest;
  const bonus = hotwordBonus(hotwords, said);
  const logits = next.logits(row);
  const top = logits[likeliest.id]!;
  let best = { id: likeliest.id, score: top + (bonus.get(likeliest.id) ?? 0) };
  for (const [id, by] of bonus) {
    const score = logits[id]! + by;
    if (score > best.score) best = { id, score };
  }
  return { id: best.id, logprob: likeliest.logprob + logits[best.id]! - top };
}
