import type { z } from 'zod';
import type { AnswerTask, HearOptions, JobTree, MediaKind, MediaSource, SamplingInput, SeeOptions } from '#contracts';

/** Something to look at or listen to, and what it seems to be (`sniff`, or `guessKind` for a URL). */
export interface TreeInput {
  source: MediaSource;
  kind: MediaKind | 'unknown';
  see?: SeeOptions;
  hear?: z.input<typeof HearOptions>;
}

export interface AnswerOptions {
  sampling?: SamplingInput;
  selectedTokens?: number;
}

const ingest = ({ source }: TreeInput): JobTree => ({ name: 'media.ingest', payload: { source } });

const see = (input: TreeInput): JobTree => ({
  name: 'media.see',
  payload: { options: input.see ?? {} },
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
  video: (input) => [see(input), hear(input, true)],
  unknown: (input) => [see(input), hear(input, true)],
  text: (input) => [ingest(input)],
};

const compose = (input: TreeInput): JobTree => ({
  name: 'media.compose',
  payload: { source: input.source },
  children: PERCEPTION[input.kind](input),
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
      inputs: inputs.map(({ source }) => source.name),
    },
    children: inputs.map(compose),
  };
}

/** answer ← compose ← see ← ingest: whatever the file seems to be, it has to be a picture. */
export function describeTree(
  source: MediaSource,
  instruction?: string,
  options: AnswerOptions = {},
): JobTree<'answer'> {
  const task = { type: 'describe' as const, ...(instruction === undefined ? {} : { instruction }) };
  return answerTree(task, [{ source, kind: 'image' }], options);
}

/** hear ← ingest. */
export function transcribeTree(source: MediaSource, hearing: z.input<typeof HearOptions> = {}): JobTree<'media.hear'> {
  return { name: 'media.hear', payload: { options: hearing }, children: [ingest({ source, kind: 'audio' })] };
}
