/** A passage is what one citation quotes: a sentence or two. */
export const PASSAGE_CHARACTERS = 280;

const sentences = new Intl.Segmenter('en', { granularity: 'sentence' });

/** Cuts a paragraph into passages of whole sentences; only a sentence that is longer alone is a longer passage. */
export function passages(text: string, limit = PASSAGE_CHARACTERS): string[] {
  if (text.length <= limit) return text.trim() === '' ? [] : [text.trim()];
  const found: string[] = [];
  let open = '';
  for (const { segment } of sentences.segment(text)) {
    if (open !== '' && open.length + segment.trimEnd().length > limit) {
      found.push(open.trim());
      open = '';
    }
    open += segment;
  }
  if (open.trim() !== '') found.push(open.trim());
  return found;
}
