import { createRequire } from 'node:module';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { PDFPageProxy } from 'pdfjs-dist';
import { TesseraError, type Box } from '#contracts';
import { boxOn } from './box.js';
import type { DocumentBlock, DocumentLimits } from './block.js';
import { withoutFurniture } from './page-furniture.js';
import { pageParagraphs, type PageParagraph, type TextRun } from './pdf-paragraphs.js';

/** A page drawn for reading it as a picture: 8-bit grey [height, width] in a file. */
export interface ScannedPage {
  page: number;
  file: string;
  width: number;
  height: number;
}

export interface PdfText {
  blocks: DocumentBlock[];
  scans: ScannedPage[];
  /** Pages without a text layer that were not drawn. */
  unread: number;
}

/** Longer side of a drawn page: about 170 dots an inch for A4, where Tesseract reads 10-point print. */
const SCAN_PIXELS = 2000;
/** A page with fewer letters than this has no text layer worth the name. */
const FEW_LETTERS = 16;

/**
 * The text layer page by page; pages without one are drawn into `folder` when there is one.
 * Parsing PDF is only for a process that may be killed.
 * @throws TesseraError encrypted_media, corrupt_media, media_too_long
 */
export async function readPdf(data: Uint8Array, limits: DocumentLimits, folder?: string): Promise<PdfText> {
  const { getDocument, VerbosityLevel } = await import('pdfjs-dist/legacy/build/pdf.mjs');
  const root = dirname(createRequire(import.meta.url).resolve('pdfjs-dist/package.json'));
  const loading = getDocument({
    data,
    verbosity: VerbosityLevel.ERRORS,
    isEvalSupported: false,
    disableFontFace: true,
    useSystemFonts: false,
    enableXfa: false,
    cMapUrl: join(root, 'cmaps/'),
    standardFontDataUrl: join(root, 'standard_fonts/'),
    wasmUrl: join(root, 'wasm/'),
    maxImageSize: 64_000_000,
  });
  const document = await loading.promise.catch((error: unknown) => {
    throw readable(error);
  });
  if (document.numPages > limits.maxPages)
    throw new TesseraError(
      'media_too_long',
      `The document has ${document.numPages} pages; the limit is ${limits.maxPages}. Send it in parts.`,
    );
  const scans: ScannedPage[] = [];
  const pages: { text: string; box: Box }[][] = [];
  let unread = 0;
  let characters = 0;
  for (let number = 1; number <= document.numPages; number++) {
    const page = await document.getPage(number).catch((error: unknown) => {
      throw readable(error);
    });
    const content = await page.getTextContent();
    const paragraphs = pageParagraphs(content.items.flatMap((item) => ('str' in item ? [textRun(item)] : [])));
    pages.push(paragraphs.map((paragraph) => ({ text: paragraph.text, box: boxOnPage(paragraph, page) })));
    characters += paragraphs.reduce((sum, { text }) => sum + text.length, 0);
    if (characters > limits.maxCharacters) throw tooMuchText(limits);
    if (
      paragraphs
        .map(({ text }) => text)
        .join('')
        .replace(/[^\p{L}\p{N}]/gu, '').length < FEW_LETTERS
    ) {
      if (folder !== undefined && scans.length < limits.maxScannedPages) scans.push(await draw(page, number, folder));
      else unread++;
    }
    page.cleanup();
  }
  const blocks = withoutFurniture(pages).flatMap((page, index) => page.map((block) => ({ ...block, page: index + 1 })));
  return { blocks, scans, unread };
}

interface PdfRun {
  str: string;
  transform: number[];
  width: number;
  height: number;
  hasEOL: boolean;
}

function textRun({ str, transform, width, height, hasEOL }: PdfRun): TextRun {
  return { text: str, x: transform[4] ?? 0, y: transform[5] ?? 0, width, height, eol: hasEOL };
}

/** As the page is shown: turned, and cut to its crop box. */
function boxOnPage({ left, right, top, bottom }: PageParagraph, page: PDFPageProxy): Box {
  const viewport = page.getViewport({ scale: 1 });
  const [x1, y1] = viewport.convertToViewportPoint(left, bottom) as [number, number];
  const [x2, y2] = viewport.convertToViewportPoint(right, top) as [number, number];
  const [xs, ys] = [[x1, x2].sort((a, b) => a - b), [y1, y2].sort((a, b) => a - b)] as [[number, number], [number, number]]; // prettier-ignore
  return boxOn({ left: xs[0], right: xs[1], top: ys[0], bottom: ys[1] }, viewport);
}

async function draw(page: PDFPageProxy, number: number, folder: string): Promise<ScannedPage> {
  const { createCanvas } = await import('@napi-rs/canvas');
  const unit = page.getViewport({ scale: 1 });
  const viewport = page.getViewport({ scale: SCAN_PIXELS / Math.max(unit.width, unit.height, 1) });
  const [width, height] = [Math.max(1, Math.round(viewport.width)), Math.max(1, Math.round(viewport.height))];
  const canvas = createCanvas(width, height);
  // The canvas has what pdf.js draws with, not the DOM type that it names.
  await page.render({ canvas: canvas as never, viewport, background: '#ffffff' }).promise;
  const rgba = canvas.getContext('2d').getImageData(0, 0, width, height).data;
  const grey = new Uint8Array(width * height);
  // ITU-R BT.601 luma in integers.
  for (let i = 0, at = 0; i < grey.length; i++, at += 4)
    grey[i] = ((rgba[at] as number) * 77 + (rgba[at + 1] as number) * 150 + (rgba[at + 2] as number) * 29) >> 8;
  const file = join(folder, `page-${number}.grey`);
  await writeFile(file, grey);
  return { page: number, file, width, height };
}

function encrypted(): TesseraError {
  return new TesseraError(
    'encrypted_media',
    'The document is encrypted and opens with a password only. Send a copy without one.',
  );
}

function readable(error: unknown): TesseraError {
  if (error instanceof TesseraError) return error;
  if (error instanceof Error && error.name === 'PasswordException') return encrypted();
  const reason = error instanceof Error ? error.message : String(error);
  return new TesseraError('corrupt_media', `The PDF document is damaged and cannot be read: ${reason}`, {
    cause: error,
  });
}

export function tooMuchText({ maxCharacters }: DocumentLimits): TesseraError {
  return new TesseraError(
    'media_too_long',
    `The document has more than ${Math.round(maxCharacters / 1e6)} million characters. Send it in parts.`,
  );
}
