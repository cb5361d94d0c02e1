import { Parser } from 'htmlparser2';
import { TesseraError } from '#contracts';
import type { DocumentBlock, DocumentLimits } from './block.js';
import { unzip } from './archive.js';

type Limits = Pick<DocumentLimits, 'maxEntries' | 'maxUnpackedBytes' | 'maxRatio'>;

const WORD_PART = /^word\/(document|footnotes|endnotes|comments)\.xml$/;
const WORD_PARTS = ['document', 'footnotes', 'endnotes', 'comments'];

/**
 * A WordprocessingML document (ECMA-376): one block for each paragraph or table row, notes and comments last. Pages are
 * those that the writing program saw when it saved; without them no page is claimed.
 */
export function docxBlocks(data: Uint8Array, limits: Limits): DocumentBlock[] {
  const parts = unzip(data, (name) => WORD_PART.test(name), limits);
  if (!parts.has('word/document.xml')) throw new TesseraError('corrupt_media', 'The document has no text part.');
  return WORD_PARTS.flatMap((part) => {
    const xml = parts.get(`word/${part}.xml`);
    return xml ? wordBlocks(new TextDecoder().decode(xml), part === 'document') : [];
  });
}

function wordBlocks(xml: string, paged: boolean): DocumentBlock[] {
  const hasPages = paged && xml.includes('w:lastRenderedPageBreak');
  let page = 1;
  const form: XmlForm = {
    paragraph: 'w:p',
    row: 'w:tr',
    cell: 'w:tc',
    text: 'w:t',
    marks: { 'w:tab': ' ', 'w:br': ' ', 'w:cr': ' ', 'w:noBreakHyphen': '-' },
    onTag: (name) => {
      if (name === 'w:lastRenderedPageBreak') page++;
    },
  };
  return xmlParagraphs(xml, form, () => page).map(({ text, at }) => ({ text, ...(hasPages ? { page: at } : {}) }));
}

const SLIDE = /^ppt\/slides\/slide(\d+)\.xml$/;

/** A PresentationML file: the paragraphs of each slide; its number is the page. Slides count in the order of their names. */
export function pptxBlocks(data: Uint8Array, limits: Limits): DocumentBlock[] {
  const parts = unzip(data, (name) => SLIDE.test(name), limits);
  const slides = [...parts]
    .map(([name, xml]) => ({ number: Number(SLIDE.exec(name)?.[1]), xml }))
    .sort((a, b) => a.number - b.number);
  return slides.flatMap(({ xml }, index) => {
    const form = { paragraph: 'a:p', row: 'a:tr', cell: 'a:tc', text: 'a:t', marks: { 'a:br': ' ' } };
    return xmlParagraphs(new TextDecoder().decode(xml), form, () => 0).map(({ text }) => ({ text, page: index + 1 }));
  });
}

interface XmlForm {
  paragraph: string;
  row: string;
  cell: string;
  text: string;
  /** Elements that stand for a character. */
  marks: Record<string, string>;
  onTag?: (name: string) => void;
}

/** Paragraphs of one part; a table row is one, its cells parted by bars. `at` is `place()` where its text began. */
function xmlParagraphs(xml: string, form: XmlForm, place: () => number): { text: string; at: number }[] {
  const found: { text: string; at: number }[] = [];
  let text = '';
  let at: number | undefined;
  /** Cells of the outermost open row; a table inside a cell is that cell's text. */
  let row: { cells: string[][]; at?: number } | undefined;
  let rows = 0;
  let reading = false;
  /** Depth inside the variants for older readers, which repeat what was said. */
  let fallback = 0;
  const flush = (): void => {
    const words = text.replace(/\s+/g, ' ').trim();
    const began = at ?? place();
    text = '';
    at = undefined;
    if (words === '') return;
    if (row) {
      row.cells.at(-1)?.push(words);
      row.at ??= began;
    } else found.push({ text: words, at: began });
  };
  const parser = new Parser(
    {
      onopentag(name) {
        if (name === 'mc:Fallback') fallback++;
        if (fallback > 0) return;
        form.onTag?.(name);
        if (name === form.row && rows++ === 0) row = { cells: [] };
        else if (name === form.cell && rows === 1) row?.cells.push([]);
        else if (name === form.text) {
          reading = true;
          at ??= place();
        } else text += form.marks[name] ?? '';
      },
      ontext(data) {
        if (reading && fallback === 0) text += data;
      },
      onclosetag(name) {
        if (name === 'mc:Fallback') fallback--;
        if (fallback > 0) return;
        if (name === form.text) reading = false;
        if (name === form.paragraph) flush();
        if (name === form.row && --rows === 0) {
          const cells = (row?.cells ?? []).map((cell) => cell.join(' '));
          // An empty cell keeps its place, so that what follows stays in its column.
          if (cells.some((cell) => cell !== '')) found.push({ text: cells.join(' | ').trim(), at: row?.at ?? place() });
          row = undefined;
        }
      },
    },
    { xmlMode: true, decodeEntities: true },
  );
  parser.end(xml);
  flush();
  return found;
}
