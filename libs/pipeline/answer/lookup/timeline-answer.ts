import { markOf, type Medium } from '#contracts';
import type { Line } from '../../compose/lines.js';
import { timecode } from '../../compose/timecode.js';

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

/** The name of the file that the line of a picture begins with. */
export const nameOf = (line: Line): string => /^\[(.+)\] /.exec(markOf(line))?.[1] ?? '';

/** Media by id, under the names that the user gave them. */
export type Named = ReadonlyMap<string, Pick<Medium, 'name'>>;

/** The files that lines are of, as an answer names them. */
export class Files {
  constructor(
    private readonly lines: readonly Line[],
    private readonly media: Named,
  ) {}

  nameOf(line: Line): string {
    return this.media.get(line.span.mediumId)?.name ?? nameOf(line);
  }

  /** " in a.mp4", where the time or page of a line may be taken for that of another file. */
  in(line: Line): string {
    const name = this.media.get(line.span.mediumId)?.name;
    return name !== undefined && this.lines.some((other) => isMistaken(line, other)) ? ` in ${name}` : '';
  }

  /** How a line begins that is listed by its time. */
  at(line: Line): string {
    const file = this.in(line);
    return `${timecode(line.span.start ?? 0)}${file === '' ? '' : `${file}:`} `;
  }
}

const isMistaken = ({ span }: Line, { span: other }: Line): boolean =>
  span.mediumId !== other.mediumId && (span.start === undefined) === (other.start === undefined);

/** More of a list than this is no answer any more. */
export const MOST_TOLD = 50;

/** A list as text; of a very long one the first, and how many more there are. */
export function listed(told: readonly string[], between: string): string {
  const rest = told.length > MOST_TOLD ? [`and ${told.length - MOST_TOLD} more.`] : [];
  return [...told.slice(0, MOST_TOLD), ...rest].join(between);
}
