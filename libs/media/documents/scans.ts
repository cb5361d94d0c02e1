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
    blocks.push(...read.paragraphs.map(({ text, box }) => ({ text, page, box })));
  }
  return blocks;
}

const letters = (blocks: readonly DocumentBlock[]): number =>
  blocks.reduce((sum, { text }) => sum + text.replace(/[^\p{L}\p{N}]/gu, '').length, 0);

/** Each page once: a page with little in its text layer was drawn too, and is read where more was found. */
export function fullerPages(layer: readonly DocumentBlock[], scanned: readonly DocumentBlock[]): DocumentBlock[] {
  const pages = [...new Set([...layer, ...scanned].map(({ page = 0 }) => page))].sort((a, b) => a - b);
  return pages.flatMap((page) => {
    const [printed, read] = [layer, scanned].map((blocks) => blocks.filter((block) => (block.page ?? 0) === page));
    return letters(read ?? []) > letters(printed ?? []) ? (read ?? []) : (printed ?? []);
  });
}
