import { Parser } from 'htmlparser2';
import type { DocumentBlock } from './block.js';

/** What a reader does not see, or sees as something other than text. */
const DROPPED = new Set(
  'script style template noscript iframe object embed svg math canvas audio video select textarea button head'.split(
    ' ',
  ),
);
const VOID = new Set('area base br col embed hr img input link meta param source track wbr'.split(' '));
const BLOCKS = new Set(
  (
    'address article aside blockquote body br caption dd details dialog div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 ' +
    'header hr html li legend main nav ol p pre section summary table tbody tfoot thead tr ul title'
  ).split(' '),
);

/** A table row that is open. Its block stands where it began, before those of the tables in its cells. */
interface Row {
  block: DocumentBlock;
  cells: string[];
  /** What the open cell says so far. */
  cell: string[];
}

/** The text of a page, one block for each block element or table row. Scripts, styles and hidden parts are dropped. */
export function htmlBlocks(html: string): DocumentBlock[] {
  const blocks: DocumentBlock[] = [];
  let text = '';
  const rows: Row[] = [];
  let preformatted = 0;
  /** Elements inside the outermost dropped one; a title is kept although it stands in the head. */
  let dropped: string[] = [];

  const flush = (): void => {
    const lines = preformatted > 0 ? text.split('\n') : [text.replace(/\s+/g, ' ')];
    text = '';
    for (const line of lines) {
      if (line.trim() === '') continue;
      const row = rows.at(-1);
      if (row) row.cell.push(line.trim());
      else blocks.push({ text: preformatted > 0 ? line.trimEnd() : line.trim() });
    }
  };
  const openRow = (): void => {
    const block = { text: '' };
    blocks.push(block);
    rows.push({ block, cells: [], cell: [] });
  };
  const closeCell = (): void => {
    const row = rows.at(-1);
    row?.cells.push(row.cell.splice(0).join(' '));
  };
  const closeRow = (): void => {
    if (rows.at(-1)?.cell.length) closeCell();
    const row = rows.pop();
    if (row?.cells.some((cell) => cell !== '')) row.block.text = row.cells.join(' | ').trim();
  };
  const parser = new Parser({
    onopentag(name, attributes) {
      const hidden = 'hidden' in attributes || /display:\s*none|visibility:\s*hidden/i.test(attributes['style'] ?? '');
      if (dropped.length > 0 || DROPPED.has(name) || hidden) {
        if (name === 'body') dropped = [];
        else if (name === 'title' && dropped.at(-1) === 'head') dropped.push(name);
        else if (!VOID.has(name)) dropped.push(name);
        return;
      }
      if (BLOCKS.has(name) || name === 'td' || name === 'th') flush();
      if (name === 'tr') openRow();
      if (name === 'pre') preformatted++;
    },
    ontext(data) {
      const title = dropped.length > 0 && dropped.at(-1) === 'title' && dropped.at(-2) === 'head';
      if (dropped.length === 0 || title) text += data;
    },
    onclosetag(name) {
      if (dropped.length > 0) {
        const at = dropped.lastIndexOf(name);
        if (at >= 0) dropped = dropped.slice(0, at);
        if (name === 'title') flush();
        return;
      }
      if (BLOCKS.has(name) || name === 'td' || name === 'th') flush();
      if (name === 'td' || name === 'th') closeCell();
      if (name === 'tr') closeRow();
      if (name === 'pre') preformatted = Math.max(0, preformatted - 1);
    },
  });
  parser.end(html);
  flush();
  return blocks.filter((block) => block.text !== '');
}
