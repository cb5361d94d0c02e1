import {
  JOBS,
  TesseraError,
  type Answer,
  type Citation,
  type JobPayload,
  type JobResult,
  type Medium,
} from '#contracts';
import type { JobContext } from '#jobs';
import type { Stage } from '../context.js';
import { readTimeline } from '../compose/compose.js';
import { frameLines } from '../compose/lines.js';
import { segmentLines, type TimelineSegment } from '../compose/segments.js';
import { asksForText, isPage } from '../read/picture-lines.js';
import { readPictureLines } from '../read/picture-text.js';
import { captionFrames, finish, frameTokens, readVisual, type Done } from '../see/captions.js';
import { stillFor } from '../see/stills.js';
import { cite } from './citations.js';
import { asksForTime, focus, withTime } from './focus.js';
import { lexicalPrior } from './lexical.js';
import {
  chatSequence,
  describeSequence,
  pictureSequence,
  timelineSequence,
  type Picture,
  type Sequence,
} from './sequence.js';

type Payload = JobPayload<'answer'>;

interface Material {
  medium: Medium;
  segments: TimelineSegment[];
}

/** Reads the composed media, asks the decoder, and says what the answer rests on. */
export async function answer(stage: Stage, payload: Payload, context: JobContext): Promise<Answer> {
  const started = performance.now();
  const material = await materialOf(stage, context, payload.inputs);
  const { task } = payload;
  if (task.type === 'describe') return describe(stage, payload, material, context, started);
  const question = task.type === 'ask' ? task.question : lastUserMessage(task.messages);
  if (material.length === 0) {
    const prompts = await stage.models.prompts();
    const messages = task.type === 'chat' ? task.messages : [{ role: 'user' as const, content: question }];
    return result(await decode(stage, payload, chatSequence(prompts, messages), context), [], started);
  }
  const picture = material.length === 1 ? await pictureOf(stage, material[0] as Material, context.signal) : undefined;
  const written = picture ? await readPictureLines(stage, picture.medium, context.signal) : [];
  if (picture && !asksForText(question, written)) {
    const prompts = await stage.models.prompts();
    const done = await decode(stage, payload, pictureSequence(prompts, picture, question), context);
    return result(done, [citePicture(picture.medium)], started);
  }
  return askTimeline(stage, payload, material, question, context, started);
}

async function askTimeline(
  stage: Stage,
  payload: Payload,
  material: Material[],
  question: string,
  context: JobContext,
  started: number,
): Promise<Answer> {
  const prompts = await stage.models.prompts();
  const whole = (await Promise.all(material.map((each) => inWords(stage, each, context.signal)))).flat();
  const related = focus(question, whole);
  const segments = related
    ? segmentLines(related, await stage.models.tokenCounter(), prompts.timeline.segment_tokens)
    : whole;
  const sequence = timelineSequence(prompts, segments, question);
  const prior = lexicalPrior(question, segments);
  const done = await decode(stage, payload, { ...sequence, prior }, context);
  const media = new Map(material.map(({ medium }) => [medium.id, medium]));
  const found = done.text.trim() !== prompts.not_found;
  const citations = found ? cite({ question, answer: done.text, segments, evidence: done.evidence, media }) : [];
  const answered = result(done, citations, started);
  return found && asksForTime(question)
    ? { ...answered, text: withTime(answered.text, citations[0]?.start) }
    : answered;
}

async function describe(
  stage: Stage,
  payload: Payload,
  material: Material[],
  context: JobContext,
  started: number,
): Promise<Answer> {
  const [only] = material;
  if (!only) throw new TesseraError('invalid_request', 'There is nothing to describe.');
  const picture = await pictureOf(stage, only, context.signal);
  if (!picture) return describeFilm(only, started);
  const prompts = await stage.models.prompts();
  const instruction = payload.task.type === 'describe' ? payload.task.instruction : undefined;
  const done = await decode(stage, payload, describeSequence(prompts, picture, instruction), context);
  return result(done, [citePicture(picture.medium)], started);
}

/** A film is described by its frames, each with its time; they were put into words when it was composed. */
function describeFilm({ medium, segments }: Material, started: number): Answer {
  const seen = segments.flatMap((segment) => segment.lines).filter((line) => line.text.includes('Picture:'));
  if (seen.length === 0) {
    throw new TesseraError(
      'not_an_image',
      `${medium.name} has nothing to see: it is ${medium.kind === 'audio' ? 'a recording' : 'text'}. Transcribe it, or ask about it.`,
    );
  }
  const text = seen.map((line) => line.text.replace('Picture: ', '').trim()).join('\n');
  const usage = { promptTokens: 0, selectedTokens: 0, completionTokens: 0, cachedTokens: 0 };
  return { text, finishReason: 'stop', citations: [], usage, timings: { answer_ms: elapsed(started) } };
}

async function materialOf(stage: Stage, context: JobContext, inputs: string[]): Promise<Material[]> {
  const composed = (await context.children()).filter((child) => child.name === 'media.compose');
  return Promise.all(
    composed.map(async (child, index) => {
      const { medium, segments } = JOBS['media.compose'].result.parse(child.result) as JobResult<'media.compose'>;
      return {
        medium: { ...medium, name: inputs[index] ?? medium.name },
        segments: await readTimeline(stage, segments),
      };
    }),
  );
}

async function pictureOf(
  stage: Stage,
  { medium, segments }: Material,
  signal: AbortSignal,
): Promise<Picture | undefined> {
  const part = segments[0]?.parts[0];
  if (medium.kind !== 'image' || part?.type !== 'visual') return undefined;
  const { rows, d } = stage.models.visualShape;
  const visual = frameTokens(await readVisual(stage, part.blob), part.index, rows, d);
  const still = await stillFor(stage, await stage.models.decoder(), medium, undefined, signal);
  return { medium, visual, rows, hash: `${part.blob}:${part.index}`, still };
}

/** A picture beside other media is read through its caption and its text, a page through its text alone, under its file's name. */
async function inWords(stage: Stage, { medium, segments }: Material, signal: AbortSignal): Promise<TimelineSegment[]> {
  const part = segments[0]?.parts[0];
  if (part?.type !== 'visual') return segments;
  const prompts = await stage.models.prompts();
  const lines = await readPictureLines(stage, medium, signal);
  if (!isPage(lines)) {
    const [caption = ''] = await captionFrames(stage, medium, { blob: part.blob, frames: 1 }, { signal });
    lines.unshift(...frameLines(medium, [{ time: null, end: null, caption }], prompts.timeline.lines));
  }
  return segmentLines(lines, await stage.models.tokenCounter(), prompts.timeline.segment_tokens);
}

async function decode(
  stage: Stage,
  payload: Payload,
  sequence: Sequence & { prior?: number[] },
  context: JobContext,
): Promise<Done> {
  const decoder = await stage.models.decoder();
  const { prefix, segments, question, prior, maxTokens } = sequence;
  const sampling = { ...payload.sampling, maxTokens: payload.sampling.maxTokens ?? maxTokens };
  const events = decoder.generate(
    { prefix, segments, question, prior, sampling, selectedTokens: payload.selectedTokens },
    context.signal,
  );
  return finish(events, ({ text, logprob }) => context.emit({ type: 'token', text, logprob }));
}

function citePicture(medium: Medium): Citation {
  return { input: medium.name, mediumId: medium.id, start: null, end: null, page: null, quote: '', weight: 1 };
}

function lastUserMessage(messages: { role: string; content: string }[]): string {
  return messages.filter((message) => message.role === 'user').at(-1)?.content ?? '';
}

function result(done: Done, citations: Citation[], started: number): Answer {
  const { prefillMs, selectMs, firstTokenMs, decodeMs } = done.timings;
  return {
    text: done.text.trim(),
    finishReason: done.finishReason,
    citations,
    usage: done.usage,
    ...(done.logprobs.length > 0 ? { logprobs: done.logprobs } : {}),
    timings: {
      prefill_ms: Math.round(prefillMs),
      select_ms: Math.round(selectMs),
      first_token_ms: Math.round(firstTokenMs),
      decode_ms: Math.round(decodeMs),
      answer_ms: elapsed(started),
    },
  };
}

function elapsed(since: number): number {
  return Math.round(performance.now() - since);
}
