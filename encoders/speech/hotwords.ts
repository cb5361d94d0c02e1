/** Added to the logit of a hot word's first token, and of those that continue it once it has begun. */
const BEGIN = 1.5;
const CONTINUE = 4;

/**
 * Contextual biasing (shallow fusion over a list of words, as in https://arxiv.org/abs/1808.02480 without the
 * failure transitions): the next token of a hot word that the text may be about to say gets a bonus.
 *
 * @param words token ids of each hot word
 * @param said tokens so far
 * @returns bonus by token id
 */
export function hotwordBonus(words: readonly (readonly number[])[], said: readonly number[]): Map<number, number> {
  const bonus = new Map<number, number>();
  const raise = (id: number, by: number) => bonus.set(id, Math.max(by, bonus.get(id) ?? 0));
  for (const word of words) {
    raise(word[0]!, BEGIN);
    for (let begun = 1; begun < word.length && begun <= said.length; begun++) {
      const matches = word.slice(0, begun).every((id, i) => said[said.length - begun + i] === id);
      if (matches) raise(word[begun]!, CONTINUE);
    }
  }
  return bonus;
}

/**
 * Words of a prompt that a recogniser is likely to miss: names and long words. A capital that only opens a sentence is no
 * name; one inside a word is (ComfyUI).
 */
export function wordsOfPrompt(prompt: string): string[] {
  const words = prompt.match(/[\p{L}][\p{L}\p{N}'’-]*/gu) ?? [];
  const sentenceStart = new Set(
    (prompt.match(/(?:^|[.!?]\s+)[\p{L}\p{N}'’-]+/gu) ?? []).map((text) => text.replace(/^[.!?]\s+/, '')),
  );
  const isName = (word: string) => /.\p{Lu}/u.test(word) || (/^\p{Lu}/u.test(word) && !sentenceStart.has(word));
  return [...new Set(words.filter((word) => word.length >= 9 || isName(word)))];
}
