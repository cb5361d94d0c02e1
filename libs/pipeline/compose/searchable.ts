import { createLogger } from '#platform';
import type { Passage } from '#storage';
import type { Stage } from '../context.js';
import type { TimelineSegment } from './segments.js';

const log = createLogger('compose');

/** The lines of a timeline by their words alone: without marks of time and page, and without what they are introduced with. */
export function passagesOf(timeline: readonly TimelineSegment[]): Passage[] {
  return timeline
    .flatMap(({ lines }) => lines)
    .map(({ quote, span: { start, end, page, line, file } }) => ({
      start: start ?? null,
      end: end ?? null,
      page: page ?? null,
      line: line ?? null,
      file: file ?? null,
      text: quote,
    }));
}

/** Lets the words of a composed medium be found, when somebody keeps it. A search that lags is no reason to fail an answer. */
export async function makeSearchable(
  { records }: Pick<Stage, 'records'>,
  mediumId: string,
  blob: string,
  read: () => Promise<TimelineSegment[]>,
): Promise<void> {
  try {
    if (!(await records.passages.wanted(mediumId, blob))) return;
    const passages = passagesOf(await read());
    // A picture that a question looked at was not put into words: what is known of it stays.
    if (passages.length > 0) await records.passages.replace(mediumId, blob, passages);
  } catch (error) {
    log.warn({ err: error, medium: mediumId }, 'the timeline is not in the search');
  }
}
