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
import { asksForText } from '../read/picture-lines.js';
import { readPictureLines } from '../read/picture-text.js';
import { stillFor } from '../see/stills.js';
import { frameTokens, readHalves } from '../see/visual-tokens.js';
import { decode, elapsed, NO_USAGE, result, untold } from './decode.js';
import { lookAt } from './detail.js';
import { toldApart } from './given.js';
import { materialInPlace } from './in-place.js';
import { standalone } from './question/follow-up.js';
import { asksForDescription, wholeAsked } from './question/whole.js';
import { chatSequence, describeSequence, pictureSequence, type Picture } from './sequence.js';
import { askTimeline, type Material } from './timeline.js';

type Payload = JobPayload<'answer'>;

/** What is asked about media that come without a word. */
const UNASKED = 'Summarize this.';

/** Reads the composed media, asks the decoder, and says what the answer rests on. */
export async function answer(stage: Stage, payload: Payload, context: JobContext): Promise<Answer> {
  const started = performance.now();
  const material = await materialOf(stage, context, payload.inputs);
  const { task } = payload;
  if (task.type === 'describe') return describe(stage, payload, material, context, started);
  const question = (task.type === 'ask' ? task.question : standalone(task.messages)).trim();
  if (material.length === 0) {
    const prompts = await stage.models.prompts();
    const messages = task.type === 'chat' ? task.messages : [{ role: 'user' as const, content: question }];
    return result(await decode(stage, payload, chatSequence(prompts, messages), context), [], started);
  }
  const picture = material.length === 1 ? await pictureOf(stage, material[0] as Material, context.signal) : undefined;
  const written = picture ? await readPictureLines(stage, picture.medium, context.signal) : [];
  if (picture && !asksForText(question, written) && wholeAsked(question) !== 'written') {
    const prompts = await stage.models.prompts();
    const looked = await lookAt(stage, picture, payload, context.signal);
    const sequence = pictureSequence(prompts, looked.picture, asksForDescription(question) ? undefined : question);
    const done = await decode(stage, payload, sequence, context);
    return withWarnings(result(done, [citePicture(picture.medium)], started), looked.warnings);
  }
  const there = await materialInPlace(stage, question, material);
  const isInPlace = there !== material;
  const { jsonSchema, logprobs } = payload.sampling;
  const isFree = jsonSchema === undefined && logprobs === undefined;
  if (isFree && isInPlace && there.every(({ segments }) => segments.length === 0))
    return notThere(stage, context, started);
  return askTimeline(stage, { payload, material: there, isInPlace, question: question || UNASKED, started }, context);
}

async function notThere(stage: Stage, context: JobContext, started: number): Promise<Answer> {
  const { not_found: text } = await stage.models.prompts();
  context.emit({ type: 'token', text });
  return untold({ text, citations: [], started });
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
  const asked = payload.task.type === 'describe' ? payload.task.instruction : undefined;
  const instruction = asked === undefined || asksForDescription(asked) ? undefined : asked;
  const looked = await lookAt(stage, picture, payload, context.signal);
  const done = await decode(stage, payload, describeSequence(prompts, looked.picture, instruction), context);
  return withWarnings(result(done, [citePicture(picture.medium)], started), looked.warnings);
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
  return { text, finishReason: 'stop', citations: [], usage: NO_USAGE, timings: { answer_ms: elapsed(started) } };
}

async function materialOf(stage: Stage, context: JobContext, inputs: string[]): Promise<Material[]> {
  const composed = (await context.children()).filter((child) => child.name === 'media.compose');
  const given = composed.map((child, index) => {
    const { medium, segments } = JOBS['media.compose'].result.parse(child.result) as JobResult<'media.compose'>;
    return { medium: { ...medium, name: inputs[index] ?? medium.name }, segments };
  });
  return Promise.all(
    toldApart(given).map(async ({ medium, segments }) => ({ medium, segments: await readTimeline(stage, segments) })),
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
  const visual = frameTokens(await readHalves(stage, part.blob), part.index, rows, d);
  const still = await stillFor(stage, await stage.models.decoder(), medium, undefined, signal);
  return { medium, visual, rows, hash: `${part.blob}:${part.index}`, still };
}

function withWarnings(answer: Answer, warnings: string[] | undefined): Answer {
  return warnings ? { ...answer, warnings } : answer;
}

function citePicture(medium: Medium): Citation {
  return { input: medium.name, mediumId: medium.id, start: null, end: null, page: null, quote: '', weight: 1 };
}
