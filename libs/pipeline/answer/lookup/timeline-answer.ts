import type { Line } from '../../compose/lines.js';

/** An answer that the timeline itself gives, and the lines it rests on. */
export interface TimelineAnswer {
  text: string;
  lines: Line[];
}

/** What a line is that is quoted in place of an answer. */
const QUOTED: Record<NonNullable<Line['kind']> | 'text', string> = {
  said: 'It is said',
  seen: 'The picture shows',
  written: 'It is written',
  chapter: 'A chapter is called',
  text: 'It says',
};

export function quoteOf(line: Line): TimelineAnswer {
  return { text: `${QUOTED[line.kind ?? 'text']}: “${line.quote}”`, lines: [line] };
}

/** The name of the file that a line without a time begins with. */
export const nameOf = ({ text }: Line): string => /^\[(.+?)\] /.exec(text)?.[1] ?? '';
