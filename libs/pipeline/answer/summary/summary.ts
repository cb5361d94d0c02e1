import type { Answer, JobPayload, Medium } from '#contracts';
import type { Line } from '../../compose/lines.js';
import { segmentLines, type TimelineSegment } from '../../compose/segments.js';
import { citeLines } from '../citations.js';
import { addUsage, decode, NO_USAGE, untold, type Reader, type Telling } from '../decode.js';
import { isLong, isSummarised, sentencesOf, toTell } from '../lookup/whole.js';
import { asked } from '../question/question.js';
import { timelineSequence } from '../sequence.js';
import { summarise } from './summarise.js';

/** Tokens that are told in one sentence: what the decoder reads well at once. */
const TOKENS_OF_A_PART = 768;
const INSTRUCTION = 'Summarise this in one sentence.';

export function wantsSummary({ task }: JobPayload<'answer'>, question: string, lines: readonly Line[]): boolean {
  const kind = asked(question);
  const wanted =
    (task.type === 'ask' && task.summary === true) ||
    kind.type === 'summary' ||
    (kind.type === 'whole' && isSummarised(kind.whole, lines));
  return wanted && isLong(lines);
}

export interface SummaryRequest {
  payload: JobPayload<'answer'>;
  whole: TimelineSegment[];
  media: Map<string, Medium>;
  started: number;
}

/**
 * A summary of any length of material: sentences with the number of the citation that each rests on. A pack's own small decoder
 * turns what it summarises into its opposite ("The file contains a version number", of a file that has none), so it is not asked:
 * its parts are told by their own sentences. Another engine (TESSERA_DECODER_URL) writes them.
 */
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
    return done.text.trim() === prompts.not_found ? undefined : sentencesOf(done.text)[0];
  };
  const fits = (lines: Line[]): number => {
    let tokens = 0;
    const over = lines.findIndex(({ text }) => (tokens += countTokens(text)) > TOKENS_OF_A_PART);
    return over < 0 ? lines.length : over;
  };
  const { reads } = await stage.models.decoder();
  const sentences = await summarise(toTell(whole.flatMap(({ lines }) => lines)), {
    tell: reads === 'pictures' ? tell : undefined,
    fits,
    onProgress: (done, total) =>
      context.emit({ type: 'progress', stage: 'summarise', percent: Math.round((100 * done) / total) }),
  });
  const text = sentences.map((sentence, i) => `${sentence.text} [${i + 1}]`).join(' ') || prompts.not_found;
  context.emit({ type: 'token', text });
  const citations = citeLines(sentences.map(({ source }) => source), media); // prettier-ignore
  return untold({ text, citations, usage, started });
}
