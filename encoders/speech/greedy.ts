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
  /** All logits of an utterance; asked for only at the first step, and when there are hot words. */
  logits(row: number): Float32Array;
}

export interface GreedyOptions {
  /** Tokens that each utterance begins with, all of one length. */
  start: readonly (readonly number[])[];
  /** Most tokens of each utterance. */
  limits: readonly number[];
  end: number;
  /**
   * An end before the first word counts only from this log probability on: of clear speech in a voice that a model is not used to, the end
   * is sometimes the likeliest token of many unlikely ones. Whether what follows is noise, its probabilities tell.
   */
  leastEmpty?: number;
  hotwords: readonly (readonly number[])[];
  /** One call for each step: `tokens` are int64 [utterances, n], the first of them at `position`. */
  step(tokens: BigInt64Array<ArrayBuffer>, position: number): Promise<NextTokens>;
}

/** The likeliest token after the likeliest token, of several utterances together, until each of them ends, loops or is full. */
export async function decodeGreedy(options: GreedyOptions): Promise<Recognition[]> {
  const { start, limits, end, leastEmpty = -Infinity, hotwords, step } = options;
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
      const best = choose(next, i, hotwords, result.tokens);
      const early = best.id === end && result.tokens.length === 0 && best.logprob < leastEmpty;
      const chosen = early ? besides(best, next.logits(i)) : best;
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

/** The likeliest of all other tokens. */
function besides({ id: but, logprob }: Choice, logits: Float32Array): Choice {
  let id = but === 0 ? 1 : 0;
  logits.forEach((logit, at) => {
    if (at !== but && logit > logits[id]!) id = at;
  });
  return { id, logprob: logprob + logits[id]! - logits[but]! };
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
