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

/** The text of a page, one block for each block element or table row. Scripts, styles and hidden parts are dropped. */
export function htmlBlocks(html: string): DocumentBlock[] {
  const blocks: DocumentBlock[] = [];
  let text = '';
  let row: string[] | undefined;
  let preformatted = 0;
  /** Elements inside the outermost dropped one; a title is kept although it stands in the head. */
  let dropped: string[] = [];

  const flush = (): void => {
    const lines = preformatted > 0 ? text.split('\n') : [text.replace(/\s+/g, ' ')];
    text = '';
    for (const line of lines) {
      if (line.trim() === '') continue;
      if (row) row.push(line.trim());
      else blocks.push({ text: preformatted > 0 ? line.trimEnd() : line.trim() });
    }
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
      if (name === 'tr') row = [];
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
      if (name === 'tr' && row) {
        if (row.length > 0) blocks.push({ text: row.join(' | ') });
        row = undefined;
      }
      if (name === 'pre') preformatted = Math.max(0, preformatted - 1);
    },
  });
  parser.end(html);
  flush();
  return blocks;
}
