import type { DocumentBlock } from './block.js';
import { joinLine } from './plain.js';

/** Backticks that another follows are a code span, not a fence (https://spec.commonmark.org/0.31.2/#fenced-code-blocks). */
const OPENING_FENCE = /^\s*(?:(`{3,})[^`]*|(~{3,}).*)$/;
const CLOSING_FENCE = /^\s*(`{3,}|~{3,})\s*$/;

/** Markdown as prose: headings, items and table rows on their own, fenced code line by line, marks and link targets dropped. */
export function markdownBlocks(text: string): DocumentBlock[] {
  const blocks: DocumentBlock[] = [];
  let fence: string | undefined;
  let open = false;
  text.split(/\r\n|\r|\n/).forEach((raw, index) => {
    if (fence !== undefined) {
      if (CLOSING_FENCE.exec(raw)?.[1]?.startsWith(fence)) fence = undefined;
      else if (raw.trim() !== '') blocks.push({ text: raw.trimEnd(), line: index + 1 });
      return;
    }
    const [, backticks, tildes] = OPENING_FENCE.exec(raw) ?? [];
    fence = backticks ?? tildes;
    if (fence !== undefined) {
      open = false;
      return;
    }
    const line = withoutMarks(raw);
    const last = blocks.at(-1);
    const own = /^\s*(#{1,6}\s|[-*+]\s|\d+[.)]\s|\||>)/.test(raw);
    if (line === '' || /^[-=_*|:\s]{3,}$/.test(line)) open = false;
    else if (open && !own && last) joinLine(last, line);
    else blocks.push({ text: line, line: index + 1 });
    if (line !== '') open = !/^\s*(#{1,6}\s|\|)/.test(raw) && !/^[-=_*|:\s]{3,}$/.test(line);
  });
  return blocks;
}

const TAGS =
  'a abbr address article aside audio b bdi bdo big blockquote body br button canvas caption center cite code col colgroup ' +
  'data dd del details dfn div dl dt em embed figcaption figure font footer form h1 h2 h3 h4 h5 h6 head header hr html i ' +
  'iframe img input ins kbd label legend li link main map mark meta nav noscript ol option p param picture pre q rp rt ruby ' +
  's samp script section select small source span strike strong style sub summary sup svg table tbody td template textarea ' +
  'tfoot th thead time title tr track tt u ul var video wbr';
const FLAGS = 'open|hidden|disabled|checked|controls|reversed|nowrap';
/** Not `Map<string, number>`, nor what only compares: "a <b and c> d". */
const TAG = new RegExp(
  String.raw`</?(?:${TAGS.replaceAll(' ', '|')})(?:\s*/?|(?:\s+(?:${FLAGS}))+\s*|\s[^<>=]*=[^<>]*)>`,
  'gi',
);
const AUTOLINK = /<([a-z][a-z\d+.-]{1,31}:[^\s<>]*|[^\s<>@]+@[^\s<>@]+)>/gi;
/** Stands for what is no mark while marks are dropped; Unicode will never make it a character. */
const KEPT = '\ufdd0';
const KEPT_AT = new RegExp(`${KEPT}(\\d+)${KEPT}`, 'g');

/**
 * A line as its reader sees it. No pattern may look further than to where the next mark of its kind could begin: a line can
 * be megabytes of beginnings.
 */
function withoutMarks(line: string): string {
  const kept: string[] = [];
  const keep = (text: string): string => `${KEPT}${kept.push(text) - 1}${KEPT}`;
  return replaceCodeSpans(line.replaceAll(KEPT, '').replace(/^\s*(#{1,6}\s+|>\s?|[-*+]\s+)/, ''), keep)
    .replace(AUTOLINK, (_, address: string) => keep(address))
    .replace(/!\[([^[\]]*)\]\([^()]*(?:\([^()]*\)[^()]*)*\)/g, '$1')
    .replace(/\[([^[\]]*)\]\([^()]*(?:\([^()]*\)[^()]*)*\)/g, '$1')
    .replace(/(\*\*|~~)(?=\S)(.+?)\1/g, '$2')
    .replace(/(?<!\w)__(?=\S)(?!\w+__)([^_]+(?:_[^_]+)*)__(?!\w)/g, '$1')
    .replace(/(?<![\w*])([*_])(?=\S)([^*_]+)\1(?![\w*])/g, '$2')
    .replace(TAG, '')
    .replace(/<!--(?:(?!<!--|-->).)*-->/g, '')
    .replace(/^\s*\||\|\s*$/g, '')
    .replace(KEPT_AT, (_, index: string) => kept[Number(index)] ?? '')
    .trim();
}

/** Code stands between two runs of as many backticks (https://spec.commonmark.org/0.31.2/#code-spans). */
function replaceCodeSpans(line: string, replace: (code: string) => string): string {
  const parts = line.split(/(`+)/);
  const lasts = new Map(parts.map((part, at) => [part, at]));
  let text = '';
  for (let at = 0; at < parts.length; at++) {
    const part = parts[at] ?? '';
    if (part.startsWith('`') && (lasts.get(part) ?? 0) > at) {
      const end = parts.indexOf(part, at + 1);
      const code = parts.slice(at + 1, end).join('');
      text += replace(code.trim());
      at = end;
    } else text += part;
  }
  return text;
}
