import type { Answer, JobPayload, Medium } from '#contracts';
import type { Line } from '../compose/lines.js';
import { segmentLines, type TimelineSegment } from '../compose/segments.js';
import { citeLines } from './citations.js';
import { addUsage, decode, NO_USAGE, untold, type Reader, type Telling } from './decode.js';
import { asked } from './question.js';
import { timelineSequence } from './sequence.js';
import { grouped, summarise } from './summarise.js';

/** Segments that are told in one sentence: what the decoder reads well at once. */
const SEGMENTS_OF_A_PART = 3;
const INSTRUCTION = 'Summarise this in one sentence.';

export const parts = (segments: readonly TimelineSegment[]): Line[][] =>
  grouped(segments, SEGMENTS_OF_A_PART).map((part) => part.flatMap(({ lines }) => lines));

export function wantsSummary({ task }: JobPayload<'answer'>, question: string): boolean {
  return (task.type === 'ask' && task.summary === true) || asked(question).type === 'summary';
}

export interface SummaryRequest {
  payload: JobPayload<'answer'>;
  whole: TimelineSegment[];
  media: Map<string, Medium>;
  started: number;
}

/** A summary of any length of material: sentences with the number of the citation that each rests on. */
export async function summary(
  stage: Reader,
  { payload, whole, media, started }: SummaryRequest,
  context: Telling,
): Promise<Answer> {
  const prompts = await stage.models.prompts();
  const countTokens = await stage.models.tokenCounter();
  const usage = { ...NO_USAGE };
  const tell = async (lines: Line[]): Promise<string | undefined> => {
    const segments = segmentLines(lines, countTokens, prompts.timeline.segment_tokens);
    // What is told of a part is no part of the answer yet: its tokens are not handed on.
    const done = await decode(
      stage,
      payload,
      timelineSequence(prompts, segments, INSTRUCTION),
      context,
      () => undefined,
    );
    addUsage(usage, done.usage);
    return done.text.trim() === prompts.not_found ? undefined : firstSentence(done.text);
  };
  const sentences = await summarise(parts(whole), {
    tell,
    onProgress: (done, total) =>
      context.emit({ type: 'progress', stage: 'summarise', percent: Math.round((100 * done) / total) }),
  });
  const text = sentences.map((sentence, i) => `${sentence.text} [${i + 1}]`).join(' ') || prompts.not_found;
  context.emit({ type: 'token', text });
  const citations = citeLines(sentences.map(({ source }) => source), media); // prettier-ignore
  return untold({ text, citations, usage, started });
}

const sentencesOf = new Intl.Segmenter('en', { granularity: 'sentence' });

function firstSentence(text: string): string {
  const [first] = sentencesOf.segment(text.trim());
  return first?.segment.trim() ?? '';
}
