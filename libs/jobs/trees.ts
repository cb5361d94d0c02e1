import { open } from 'node:fs/promises';
import type { z } from 'zod';
import type { AnswerTask, Detail, HearOptions, JobTree, MediaKind, MediaSource, SeeOptions } from '#contracts';
import { guessKind, sniff, SNIFF_BYTES } from './sniff.js';

/** Something to look at or listen to, and what it seems to be (`sniff`, or `guessKind` for a URL). */
export interface TreeInput {
  source: MediaSource;
  kind: MediaKind | 'unknown';
  see?: SeeOptions;
  hear?: z.input<typeof HearOptions>;
}

export interface AnswerOptions {
  sampling?: JobTree<'answer'>['payload']['sampling'];
  selectedTokens?: number;
  /** Of a picture that is the only medium. */
  detail?: Detail | undefined;
}

const ingest = ({ source }: TreeInput): JobTree => ({ name: 'media.ingest', payload: { source } });

const see = (input: TreeInput, read?: boolean): JobTree => ({
  name: 'media.see',
  payload: { options: input.see ?? {}, ...(read ? { read } : {}) },
  children: [ingest(input)],
});

const hear = (input: TreeInput, optional: boolean): JobTree => ({
  name: 'media.hear',
  payload: { options: input.hear ?? {}, optional },
  children: [ingest(input)],
});

/** The work that each kind of medium needs. What is not known may be a video without sound, so hearing is optional there. */
const PERCEPTION: Record<TreeInput['kind'], (input: TreeInput) => JobTree[]> = {
  image: (input) => [see(input)],
  audio: (input) => [hear(input, false)],
  video: (input) => [see(input, true), hear(input, true)],
  unknown: (input) => [see(input, true), hear(input, true)],
  text: (input) => [ingest(input)],
};

/** compose ← what the medium's kind needs ← ingest: its timeline, and all that a question about it needs but the question. */
export const timelineTree = (input: TreeInput, options: { words?: boolean } = {}): JobTree<'media.compose'> => ({
  name: 'media.compose',
  payload: { source: input.source, ...options, ...rangeOf(input) },
  children: PERCEPTION[input.kind](input),
});

/** What is looked at is also what is listened to and read. */
const rangeOf = ({ see: { start, end } = {} }: TreeInput) => ({
  ...(start === undefined ? {} : { start }),
  ...(end === undefined ? {} : { end }),
});

/** answer ← one compose per medium ← what its kind needs ← ingest. */
export function answerTree(
  task: AnswerTask,
  inputs: readonly TreeInput[],
  options: AnswerOptions = {},
): JobTree<'answer'> {
  return {
    name: 'answer',
    payload: {
      task,
      sampling: options.sampling ?? {},
      ...(options.selectedTokens === undefined ? {} : { selectedTokens: options.selectedTokens }),
      ...(options.detail === undefined ? {} : { detail: options.detail }),
      inputs: inputs.map(({ source }) => source.name),
    },
    children: inputs.map((input) => timelineTree(input)),
  };
}

/** answer ← compose ← see ← ingest: whatever the file seems to be, it has to be something to see. */
export function describeTree(
  source: MediaSource,
  options: AnswerOptions & { instruction?: string } = {},
): JobTree<'answer'> {
  const { instruction, ...rest } = options;
  const task = { type: 'describe' as const, ...(instruction === undefined ? {} : { instruction }) };
  return answerTree(task, [{ source, kind: 'image' }], rest);
}

/** hear ← ingest. */
export function transcribeTree(source: MediaSource, hearing: z.input<typeof HearOptions> = {}): JobTree<'media.hear'> {
  return { name: 'media.hear', payload: { options: hearing }, children: [ingest({ source, kind: 'audio' })] };
}

/** extract ← ingest: the frame or clip that a citation points to. */
export function extractTree(
  source: MediaSource,
  part: JobTree<'media.extract'>['payload']['part'],
): JobTree<'media.extract'> {
  return { name: 'media.extract', payload: { part }, children: [ingest({ source, kind: 'unknown' })] };
}

/** Looks into a file to see which jobs it needs; a URL is judged by its name, a blob is unknown unless its record says more. */
export async function lookInto(source: MediaSource): Promise<TreeInput> {
  if (source.type === 'url') return { source, kind: guessKind(source.url) };
  if (source.type === 'blob') return { source, kind: 'unknown' };
  const file = await open(source.path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(SNIFF_BYTES), 0, SNIFF_BYTES, 0);
    return { source, kind: sniff(buffer.subarray(0, bytesRead)).kind };
  } finally {
    await file.close();
  }
}

/** The timeline of a source that is not yet known; it prepares the medium, so that a question about it costs only the question. */
export async function composeTree(source: MediaSource): Promise<JobTree<'media.compose'>> {
  return timelineTree(await lookInto(source));
}

/** A question about files, in the order given. `summary`: told part by part. */
export async function askTree(
  question: string,
  sources: readonly MediaSource[],
  { summary, ...options }: AnswerOptions & { summary?: boolean } = {},
): Promise<JobTree<'answer'>> {
  const task = { type: 'ask' as const, question, ...(summary ? { summary } : {}) };
  return answerTree(task, await Promise.all(sources.map(lookInto)), options);
}
