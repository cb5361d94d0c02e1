/** Tokens of questions, padding included, that are read at once; beyond that, a batch saves nothing. */
const MOST_TOKENS = 256;
/** Share of a batch that may be padding. */
const MOST_PADDING = 0.25;

/**
 * Which questions are read as one batch: such in adjacent slots, of similar length, in order of their slots.
 *
 * @example
 * batches([{ slot: 4, tokens: 12 }, { slot: 3, tokens: 11 }, { slot: 5, tokens: 90 }]); // [[1, 0], [2]]
 */
export function batches(questions: readonly { slot: number; tokens: number }[]): number[][] {
  const order = [...questions.keys()].sort((a, b) => questions[a]!.slot - questions[b]!.slot);
  const all: number[][] = [];
  let [sum, longest] = [0, 0];
  for (const i of order) {
    const { slot, tokens } = questions[i]!;
    const batch = all.at(-1);
    const last = batch?.at(-1);
    const padded = Math.max(longest, tokens) * ((batch?.length ?? 0) + 1);
    const fits = padded <= MOST_TOKENS && padded - (sum + tokens) <= padded * MOST_PADDING;
    if (batch && last !== undefined && questions[last]!.slot + 1 === slot && fits) {
      batch.push(i);
      [sum, longest] = [sum + tokens, Math.max(longest, tokens)];
    } else {
      all.push([i]);
      [sum, longest] = [tokens, tokens];
    }
  }
  return all;
}
