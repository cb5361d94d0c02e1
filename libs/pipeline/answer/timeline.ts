import type { Answer, JobPayload, Medium } from '#contracts';
import type { JobContext } from '#jobs';
import { pictureLines } from '../compose/picture.js';
import { segmentLines, type TimelineSegment } from '../compose/segments.js';
import type { Stage } from '../context.js';
import { cite, citeLines } from './citations.js';
import { decode, HeldTokens, result, untold } from './decode.js';
import { focus } from './focus.js';
import { fromTimeline, isGuess, quoted, type TimelineAnswer } from './from-timeline.js';
import { lexicalPrior } from './lexical.js';
import { timelineSequence } from './sequence.js';
import { parts, summary, wantsSummary } from './summary.js';

/** A composed medium under the name that the user gave it. */
export interface Material {
  medium: Medium;
  segments: TimelineSegment[];
}

export interface TimelineQuestion {
  payload: JobPayload<'answer'>;
  material: Material[];
  question: string;
  /** `performance.now()` when the job began. */
  started: number;
}

/** How an answer begins that may be a time alone. */
const MAY_BECOME_A_TIME = /^\s*(?:a|at\s*[\d:]*\.?)?$/i;

/** Answers from the timelines of all media together, and says what the answer rests on. */
export async function askTimeline(
  stage: Stage,
  { payload, material, question, started }: TimelineQuestion,
  context: JobContext,
): Promise<Answer> {
  const prompts = await stage.models.prompts();
  const whole = (await Promise.all(material.map((each) => inWords(stage, each, context.signal)))).flat();
  const media = new Map(material.map(({ medium }) => [medium.id, medium]));
  const lines = whole.flatMap((segment) => segment.lines);
  const told = (answer: TimelineAnswer): Answer => {
    context.emit({ type: 'token', text: answer.text });
    return untold({ text: answer.text, citations: citeLines(answer.lines, media), started });
  };
  // A form that the caller asks for, or the chances of words, only the decoder can give.
  const free = payload.sampling.jsonSchema === undefined && payload.sampling.logprobs === undefined;
  const known = free ? fromTimeline(question, lines) : undefined;
  if (known) return told(known);

  if (free && parts(whole).length > 1 && wantsSummary(payload, question))
    return summary(stage, { payload, started, media, whole }, context);

  const segments = await relatedSegments(stage, question, whole);
  const sequence = { ...timelineSequence(prompts, segments, question), prior: lexicalPrior(question, segments) };
  const putAside = (text: string): boolean =>
    free && (MAY_BECOME_A_TIME.test(text) || prompts.not_found.startsWith(text.trim()));
  const tokens = new HeldTokens((token) => context.emit(token), putAside);
  const done = await decode(stage, payload, sequence, context, tokens.push);
  if (done.text.trim() !== prompts.not_found && !(free && isGuess(done.text, lines))) {
    tokens.flush();
    return result(done, cite({ question, answer: done.text, segments, evidence: done.evidence, media }), started);
  }
  const nearest = free ? quoted(question, lines) : undefined;
  const text = nearest?.text ?? prompts.not_found;
  if (free) context.emit({ type: 'token', text });
  return { ...result(done, nearest ? citeLines(nearest.lines, media) : [], started), text };
}

async function relatedSegments(stage: Stage, question: string, whole: TimelineSegment[]): Promise<TimelineSegment[]> {
  const related = focus(question, whole);
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
