import { readFile } from 'node:fs/promises';
import type { DocumentBlock } from './block.js';
import { readPageText } from './ocr/picture-text.js';
import type { PictureText, TextRecognizer } from './ocr/text-recognizer.js';
import type { ScannedPage } from './pdf.js';

/** The paragraphs of drawn pages; a page that does not look like print costs no recognition. */
export async function scannedBlocks(
  pages: ScannedPage[],
  recognizer: TextRecognizer,
  signal?: AbortSignal,
): Promise<DocumentBlock[]> {
  const blocks: DocumentBlock[] = [];
  for (const { page, file, width, height } of pages) {
    const read = await readPageText({ grey: await readFile(file), width, height }, { recognizer, signal });
    blocks.push(...paragraphs(read).map((text) => ({ text, page })));
  }
  return blocks;
}

/** Lines of one paragraph joined, words that were hyphenated at a line's end mended. */
export function paragraphs({ boxes }: PictureText): string[] {
  const found = new Map<number, string>();
  for (const { text, paragraph } of boxes) {
    const open = found.get(paragraph);
    if (open === undefined) found.set(paragraph, text);
    else
      found.set(
        paragraph,
        /\p{L}-$/u.test(open) && /^\p{Ll}/u.test(text) ? open.slice(0, -1) + text : `${open} ${text}`,
      );
  }
  return [...found.values()];
}
