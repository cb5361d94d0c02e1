import type { Answer, JobPayload, Medium } from '#contracts';
import type { JobContext } from '#jobs';
import type { Line } from '../compose/lines.js';
import { pictureLines } from '../compose/picture.js';
import { segmentLines, type TimelineSegment } from '../compose/segments.js';
import type { Stage } from '../context.js';
import { cite, citeLines } from './citations.js';
import { addUsage, decode, HeldTokens, NO_USAGE, result, untold, type Reader, type Telling } from './decode.js';
import { focus } from './focus.js';
import { placeIn, type InPlace } from './in-place.js';
import { fromTimeline } from './lookup/from-timeline.js';
import { isGuess, quoted, strays } from './grounds.js';
import { quoteOf, type TimelineAnswer } from './lookup/timeline-answer.js';
import { isUnknown, misheard } from './lookup/names.js';
import { isOnlyLookedUp } from './lookup/only-looked-up.js';
import { pagesKept } from './pages-kept.js';
import { asked, withoutPreface, type Asked } from './question/question.js';
import { ALL_THAT_FITS, timelineSequence } from './sequence.js';
import { severalQuestions, type OneOfSeveral } from './question/several.js';
import { summary, wantsSummary } from './summary/summary.js';
import { whatFits } from './what-fits.js';

/** Tokens that a question waits for where the whole is more than memory holds, some ten seconds of two cores: more are read ahead. */
const ENOUGH_TOKENS = 16_384;

/** A composed medium under the name that the user gave it. */
export interface Material {
  medium: Medium;
  segments: TimelineSegment[];
}

export interface TimelineQuestion {
  payload: JobPayload<'answer'>;
  material: Material[];
  /** Whether the material is only what lies where the question asks. */
  isInPlace: boolean;
  question: string;
  /** `performance.now()` when the job began. */
  started: number;
}

/** Answers from the timelines of all media together, and says what the answer rests on. */
export async function askTimeline(
  stage: Stage,
  { payload, material, isInPlace, question, started }: TimelineQuestion,
  context: JobContext,
): Promise<Answer> {
  const whole = (await Promise.all(material.map((each) => inWords(stage, each, context.signal)))).flat();
  const media = new Map(material.map(({ medium }) => [medium.id, medium]));
  const enoughTokens = stage.config.decoder.readAhead ? ENOUGH_TOKENS : ALL_THAT_FITS;
  return askSegments(stage, { payload, whole, media, isInPlace, question, started, enoughTokens }, context);
}

/** A question about timelines in words. */
export interface SegmentsQuestion {
  payload: JobPayload<'answer'>;
  whole: TimelineSegment[];
  media: Map<string, Medium>;
  /** As of `TimelineQuestion`. */
  isInPlace?: boolean;
  question: string;
  started: number;
  /** Tokens that are read of more than memory holds, if no more are known; all that fits when absent. */
  enoughTokens?: number;
}

/** What is looked up is looked up, what asks several things is asked one by one, and the decoder is asked the rest. */
export async function askSegments(stage: Reader, request: SegmentsQuestion, context: Telling): Promise<Answer> {
  const { payload, whole, media, isInPlace, started } = request;
  const question = withoutPreface(request.question);
  // A form that the caller asks for, or the chances of words, only the decoder can give.
  if (!isFree(payload)) return askDecoder(stage, request, context);
  const lines = whole.flatMap((segment) => segment.lines);
  const told = ({ text, lines }: TimelineAnswer): Answer => {
    context.emit({ type: 'token', text });
    return untold({ text, citations: citeLines(lines, media), started });
  };
  if (wantsSummary(payload, question, lines)) return summary(stage, request, context);
  const several = severalQuestions(
    request.question,
    lines.map(({ quote }) => quote),
  );
  if (several) return askEach(stage, request, several, context);
  const names = [...media.values()].map(({ name }) => name);
  const wanted = asked(question);
  const unknown = ABOUT_A_PLACE.has(wanted.type) && isUnknown(question, lines, names, placeIn(question, lines, isInPlace)); // prettier-ignore
  const known = unknown ? undefined : fromTimeline(question, lines, media);
  if (known) return told(known);
  if (!unknown && !isOnlyLookedUp(wanted, lines)) return askDecoder(stage, { ...request, question }, context);
  const { not_found: text } = await stage.models.prompts();
  return told({ text, lines: [] });
}

/** Questions that one place in the material answers. */
const ABOUT_A_PLACE = new Set<Asked['type']>(['when', 'count', 'other']);

const isFree = ({ sampling }: JobPayload<'answer'>): boolean =>
  sampling.jsonSchema === undefined && sampling.logprobs === undefined;

/** Each of several questions on its own; every answer is told as soon as it is known. */
async function askEach(
  stage: Reader,
  request: SegmentsQuestion,
  several: OneOfSeveral[],
  context: Telling,
): Promise<Answer> {
  const silent: Telling = { ...context, emit: () => undefined };
  const answers: Answer[] = [];
  for (const { item, question } of several) {
    const one = await askSegments(stage, { ...request, question }, silent);
    const text = `${item}: ${one.text}`;
    context.emit({ type: 'token', text: answers.length === 0 ? text : `\n${text}` });
    answers.push({ ...one, text });
  }
  return together(answers, request.started);
}

function together(answers: Answer[], started: number): Answer {
  const usage = { ...NO_USAGE };
  for (const answer of answers) addUsage(usage, answer.usage);
  const citations = answers.flatMap((answer) => answer.citations);
  return untold({ text: answers.map(({ text }) => text).join('\n'), citations, usage, started });
}

/** How an answer begins that may be a time alone. */
const MAY_BECOME_A_TIME = /^(?:a|at\s*[\d:]*\.?)?$/i;

/** "No" may become "Nothing": an unfinished answer is judged by its finished words. */
const finishedWords = (text: string): string => text.replace(/[\p{L}\p{N}]+$/u, '');

/** The decoder reads what is related to the question. Where it sees no answer, a line that holds nearly all of the question is quoted. */
async function askDecoder(stage: Reader, request: SegmentsQuestion, context: Telling): Promise<Answer> {
  const { payload, whole, media, isInPlace, question, started, enoughTokens = ALL_THAT_FITS } = request;
  const prompts = await stage.models.prompts();
  const lines = whole.flatMap((segment) => segment.lines);
  const place = placeIn(question, lines, isInPlace);
  const related = await relatedSegments(stage, question, whole, place);
  const free = isFree(payload);
  const isElsewhere = free ? strays(question, lines) : () => false;
  const putAside = (text: string): boolean =>
    free &&
    (MAY_BECOME_A_TIME.test(text.trim()) ||
      prompts.not_found.startsWith(text.trim()) ||
      isElsewhere(finishedWords(text)));
  const tokens = new HeldTokens((token) => context.emit(token), putAside);
  const { done, segments } = await whatFits(question, related, (segments, prior) => {
    // Lines that were chosen for one question are not read again.
    const keepBytes = segments === whole ? pagesKept([...media.values()]) : 0;
    const sequence = { ...timelineSequence(prompts, segments, question), prior, keepBytes, enoughTokens };
    return decode(stage, payload, sequence, context, tokens.push);
  });
  if (done.text.trim() !== prompts.not_found && !(free && (isGuess(done.text, lines) || isElsewhere(done.text)))) {
    tokens.flush();
    return result(done, cite({ question, answer: done.text, segments, evidence: done.evidence, media }), started);
  }
  const nearest = free ? nearestQuote(question, lines, place) : undefined;
  const text = nearest?.text ?? prompts.not_found;
  if (free) context.emit({ type: 'token', text });
  return { ...result(done, nearest ? citeLines(nearest.lines, media) : [], started), text };
}

function nearestQuote(question: string, lines: readonly Line[], place: InPlace): TimelineAnswer | undefined {
  const line = misheard(question, lines, place);
  return quoted(question, lines) ?? (line && quoteOf(line));
}

async function relatedSegments(
  stage: Reader,
  question: string,
  whole: TimelineSegment[],
  place: InPlace,
): Promise<TimelineSegment[]> {
  const related = focus(question, whole, place);
  if (!related) return whole;
  const prompts = await stage.models.prompts();
  return segmentLines(related, await stage.models.tokenCounter(), prompts.timeline.segment_tokens);
}

/** A picture beside other media is read in words. */
async function inWords(stage: Stage, { medium, segments }: Material, signal: AbortSignal): Promise<TimelineSegment[]> {
  const part = segments[0]?.parts[0];
  if (part?.type !== 'visual') return segments;
  const prompts = await stage.models.prompts();
  const lines = await pictureLines(stage, medium, part.blob, signal);
  return segmentLines(lines, await stage.models.tokenCounter(), prompts.timeline.segment_tokens);
}
