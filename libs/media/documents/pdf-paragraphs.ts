/** One run of a PDF page's text layer, in the order of the content stream; units are points, y grows upwards. */
export interface TextRun {
  text: string;
  x: number;
  y: number;
  width: number;
  height: number;
  /** The run ends its line. */
  eol: boolean;
}

interface TextLine {
  text: string;
  left: number;
  right: number;
  y: number;
  height: number;
}

/** A paragraph and its edges on the page; units are points, y grows upwards. */
export interface PageParagraph {
  text: string;
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** How far letters reach above and below the line that they stand on, of their height. */
const ABOVE = 0.9;
const BELOW = 0.25;

/** Paragraphs of a page: lines are joined where they go on, words that were hyphenated at a line's end are mended. */
export function pageParagraphs(runs: TextRun[]): PageParagraph[] {
  const lines = textLines(runs);
  const widest = Math.max(0, ...lines.map((line) => line.right - line.left));
  const paragraphs: PageParagraph[] = [];
  let last: TextLine | undefined;
  for (const line of lines) {
    const open = paragraphs.at(-1);
    const { text, left, right, y, height } = line;
    const bottom = y - BELOW * height;
    if (last && open && goesOn(last, line, widest)) {
      open.text = join(open.text, text);
      open.left = Math.min(open.left, left);
      open.right = Math.max(open.right, right);
      open.bottom = Math.min(open.bottom, bottom);
    } else paragraphs.push({ text, left, right, bottom, top: y + ABOVE * height });
    last = line;
  }
  return paragraphs;
}

/** The dots of a table of contents. */
const LEADERS = /(\s?[.·]){4,}/g;

function textLines(runs: TextRun[]): TextLine[] {
  const lines: TextLine[] = [];
  let open: TextLine | undefined;
  const close = (): void => {
    const text = open?.text
      .replace(LEADERS, ' … ')
      .replace(/[\s\u00ad]+/g, ' ')
      .trim();
    if (open && text) lines.push({ ...open, text });
    open = undefined;
  };
  for (const run of runs) {
    if (open && run.text.trim() !== '' && Math.abs(run.y - open.y) > 0.5 * Math.max(run.height, open.height)) close();
    if (run.text !== '') {
      open ??= { text: '', left: run.x, right: run.x, y: run.y, height: run.height };
      open.text += run.text;
      open.right = Math.max(open.right, run.x + run.width);
      open.left = Math.min(open.left, run.x);
      open.height = Math.max(open.height, run.height);
    }
    if (run.eol) close();
  }
  close();
  return lines;
}

const ITEM = /^([•▪◦‣–—*-]|\(?[a-z0-9]{1,3}[.)]|\[\d+\])\s/i;

/** The next line is of the same paragraph: as large, right below, and the one before was full and starts no other item. */
function goesOn(last: TextLine, line: TextLine, widest: number): boolean {
  const gap = last.y - line.y;
  const size = Math.max(last.height, line.height);
  if (Math.abs(last.height - line.height) > 0.15 * size) return false;
  if (gap <= 0 || gap > 1.75 * size) return false;
  if (ITEM.test(line.text)) return false;
  return last.right - last.left > 0.7 * widest || /[\p{Ll},-]$/u.test(last.text) === /^\p{Ll}/u.test(line.text);
}

function join(text: string, next: string): string {
  return /\p{L}-$/u.test(text) && /^\p{Ll}/u.test(next) ? text.slice(0, -1) + next : `${text} ${next}`;
}
