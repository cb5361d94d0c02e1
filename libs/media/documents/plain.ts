import type { DocumentBlock } from './block.js';

/** Every line that says something, as it stands, with its number: for source code, data and logs. */
export function sourceBlocks(text: string, file?: string): DocumentBlock[] {
  return text
    .split(/\r\n|\r|\n/)
    .flatMap((line, index) =>
      line.trim() === '' ? [] : [{ text: line.trimEnd(), line: index + 1, ...(file === undefined ? {} : { file }) }],
    );
}

/** Hard-wrapped prose fills its lines at least this far. */
const WRAPPED_FROM = 50;

/** Prose as paragraphs: lines that were wrapped by hand are joined, others stay on their own. A page begins a new one. */
export function proseBlocks(text: string): DocumentBlock[] {
  const blocks: DocumentBlock[] = [];
  let last = '';
  text.split(/\r\n|\r|\n/).forEach((raw, index) => {
    // A form feed begins a page; no editor counts it as a line.
    const line = raw.replaceAll('\f', ' ').trim();
    const open = blocks.at(-1);
    if (open && line !== '' && !raw.startsWith('\f') && wraps(last, line)) joinLine(open, line);
    else if (line !== '') blocks.push({ text: line, line: index + 1 });
    last = line;
  });
  return blocks;
}

/** True when a line goes on in the next: it is long, no sentence ends with it, and what follows starts no item. */
function wraps(line: string, next: string): boolean {
  if (line.length < WRAPPED_FROM || line.length > 120) return false;
  if (/^([-*•–+>#|]|\d+[.)]|\[)/.test(next)) return false;
  return /^[\p{Ll}\p{N}("'“‘]/u.test(next) || !/[.!?:;]["'”’)]?$/.test(line);
}

/** The block goes on in the next line of its file. */
export function joinLine(block: DocumentBlock, line: string): void {
  (block.lineStarts ??= []).push(block.text.length + 1);
  block.text += ` ${line}`;
}
