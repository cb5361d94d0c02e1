import type { Medium, Span } from '#contracts';
import type { DocumentBlock } from '#media';
import { oneLine, write, type Line, type LineTemplates } from '../compose/lines.js';
import { timecode } from '../compose/timecode.js';
import { passages } from './passages.js';

/**
 * A document's blocks as timeline lines: pages with their number, subtitles with their time as if they had been heard,
 * everything else as it stands. In an archive each file begins with its name, so that the lines after it belong to it.
 */
export function documentLines(medium: Pick<Medium, 'id'>, blocks: DocumentBlock[], templates: LineTemplates): Line[] {
  let file: string | undefined;
  return blocks.flatMap((block): Line[] => {
    const lines = blockLines(medium, block, templates);
    if (block.file === undefined || block.file === file) return lines;
    file = block.file;
    return [{ text: `${file}:\n`, span: { mediumId: medium.id, file }, quote: file }, ...lines];
  });
}

function blockLines({ id }: Pick<Medium, 'id'>, block: DocumentBlock, templates: LineTemplates): Line[] {
  const { page, line, lineStarts = [], start, end, file, box } = block;
  if (start !== undefined) {
    const text = oneLine(block.text);
    const said = write(templates.utterance, { time: timecode(start), text });
    return [{ text: said, span: { mediumId: id, start, end: end ?? start }, quote: text, kind: 'said' }];
  }
  const span: Span = {
    mediumId: id,
    ...(page === undefined ? {} : { page }),
    ...(line === undefined ? {} : { line }),
    ...(file === undefined ? {} : { file }),
    ...(box === undefined ? {} : { box }),
  };
  if (page !== undefined)
    return passages(oneLine(block.text)).map((text) => ({
      text: write(templates.page, { page: String(page), text }),
      span,
      quote: text,
    }));
  // Indentation is part of source code; a line that is not too long stays whole.
  const whole = block.text.trimEnd();
  let to = 0;
  /** Lines of the block that end before the passage. */
  let ends = 0;
  return passages(whole, file === undefined ? undefined : Infinity).map((text, index) => {
    const from = whole.indexOf(text, to);
    to = from + text.length;
    while ((lineStarts[ends] ?? Infinity) <= from) ends++;
    return {
      text: `${index === 0 ? indentation(whole) : ''}${text}\n`,
      span: { ...span, ...(line === undefined ? {} : { line: line + ends }) },
      quote: text,
    };
  });
}

const indentation = (text: string): string => /^\s*/.exec(text)?.[0].replace(/\t/g, '  ') ?? '';
