import { readFile } from 'node:fs/promises';
import type { DocumentBlock } from './block.js';
import { readPageText } from './ocr/picture-text.js';
import type { TextRecognizer } from './ocr/text-recognizer.js';
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
    blocks.push(...read.text.split('\n').flatMap((text) => (text === '' ? [] : [{ text, page }])));
  }
  return blocks;
}
