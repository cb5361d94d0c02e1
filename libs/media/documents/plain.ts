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

/** Prose as paragraphs: lines that were wrapped by hand are joined, others stay on their own. */
export function proseBlocks(text: string): DocumentBlock[] {
  const blocks: DocumentBlock[] = [];
  let last = '';
  text.split(/\r\n|\r|\n|\f/).forEach((raw, index) => {
    const line = raw.trim();
    const open = blocks.at(-1);
    if (open && line !== '' && wraps(last, line)) open.text += ` ${line}`;
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

/** Markdown as prose: headings, items and table rows on their own, fenced code line by line, marks and link targets dropped. */
export function markdownBlocks(text: string): DocumentBlock[] {
  const blocks: DocumentBlock[] = [];
  let fence: string | undefined;
  let open = false;
  text.split(/\r\n|\r|\n/).forEach((raw, index) => {
    const mark = /^\s*(```+|~~~+)/.exec(raw)?.[1];
    if (mark && (fence === undefined || mark.startsWith(fence))) {
      fence = fence === undefined ? mark : undefined;
      open = false;
      return;
    }
    if (fence !== undefined) {
      if (raw.trim() !== '') blocks.push({ text: raw.trimEnd(), line: index + 1 });
      return;
    }
    const line = withoutMarks(raw);
    const last = blocks.at(-1);
    const own = /^\s*(#{1,6}\s|[-*+]\s|\d+[.)]\s|\||>)/.test(raw);
    if (line === '' || /^[-=_*|:\s]{3,}$/.test(line)) open = false;
    else if (open && !own && last) last.text += ` ${line}`;
    else blocks.push({ text: line, line: index + 1 });
    if (line !== '') open = !/^\s*(#{1,6}\s|\|)/.test(raw) && !/^[-=_*|:\s]{3,}$/.test(line);
  });
  return blocks;
}

function withoutMarks(line: string): string {
  return line
    .replace(/^\s*(#{1,6}\s+|>\s?|[-*+]\s+(\[[ x]\]\s+)?)/, '')
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/(\*\*|__|~~|`)(?=\S)(.+?)\1/g, '$2')
    .replace(/(?<![\w*])([*_])(?=\S)([^*_]+)\1(?![\w*])/g, '$2')
    .replace(/<\/?[a-z][^>]*>|<!--.*?-->/gi, '')
    .replace(/^\s*\||\|\s*$/g, '')
    .trim();
}
