import type { AnswerTask, Medium, Segment, SequencePart } from '#contracts';
import type { TimelineSegment } from '../compose/segments.js';
import { around, userText, type Prompts } from '../models/prompts.js';

/** `enoughTokens` of a timeline that is more than memory holds: as many as it holds. */
export const ALL_THAT_FITS = 2 ** 31 - 1;

/** What the decoder is asked: the fields of a DecodeRequest that depend on the task. */
export interface Sequence {
  prefix: SequencePart[];
  segments: Segment[];
  question: SequencePart[];
  /** Longest sensible answer where the user sets none. */
  maxTokens: number;
  /** What a token that was written already costs, where the user does not say. */
  presencePenalty?: number;
  /** Answers that are written side by side, where the user asks for nothing that this cannot have. */
  beams?: number;
  /** What tokens of the pack's own decoder gain, where the user does not say. */
  logitBias?: Record<string, number> | undefined;
  /** Bytes on disk that its pages are worth: none when absent, since most are made of lines that were chosen for one question. */
  keepBytes?: number;
  /** Tokens that are read of more than memory holds, if no more are known. */
  enoughTokens?: number;
}

export interface Picture {
  medium: Medium;
  /** Float32 [tokens, d] in the shared space. */
  visual: Float32Array;
  rows: number;
  /** Content address of the visual tokens. */
  hash: string;
  /** JPEG, for an engine that looks for itself. */
  still?: Uint8Array | undefined;
}

/** One picture, described or asked about: its visual tokens are the only segment. */
export function pictureSequence(prompts: Prompts, picture: Picture, question?: string): Sequence {
  const chosen = question === undefined ? prompts.caption : prompts.picture_question;
  const slots = { question: userText(question === undefined ? '' : endWithMark(question)) };
  const { before, after } = around(chosen.template, 'image', slots);
  const { visual: data, rows, hash, medium, still } = picture;
  const segment: Segment = {
    parts: [{ type: 'embeddings', data, rows, hash, ...(still ? { picture: still } : {}) }],
    span: { mediumId: medium.id },
    quote: '',
  };
  const habits =
    question === undefined
      ? { presencePenalty: prompts.caption.presence_penalty, beams: prompts.caption.beams }
      : { presencePenalty: 0, logitBias: prompts.picture_question.logit_bias };
  return { prefix: before, segments: [segment], question: after, maxTokens: chosen.max_new_tokens, ...habits };
}

/** A question about a timeline of any media. */
export function timelineSequence(prompts: Prompts, segments: TimelineSegment[], question: string): Sequence {
  const { before, after } = around(prompts.timeline.template, 'segments', { question: userText(question.trim()) });
  return {
    prefix: before,
    segments: segments.map(({ lines, span, quote }) => ({
      // A line is tokenised on its own, as in training: its tokens do not depend on its neighbours.
      parts: lines.flatMap((line) => userText(line.text)),
      span,
      quote,
    })),
    question: after,
    maxTokens: prompts.timeline.max_new_tokens,
  };
}

type Message = Extract<AnswerTask, { type: 'chat' }>['messages'][number];

/** A conversation without media, in the base model's chat format; the pack's system prompt unless one is given. */
export function chatSequence(prompts: Prompts, messages: Message[]): Sequence {
  const { before, after } = around(prompts.chat.template, 'question', {});
  const { start, end, assistant } = prompts.chat.turn;
  const startOf = (role: string): string => start.replace('{role}', role === 'assistant' ? assistant : role);
  const opening = before.map((part) => (part.type === 'text' ? part.text : '')).join('');
  const system = opening.slice(0, opening.lastIndexOf(startOf('user')));
  const turns = messages.filter((message) => message.role !== 'system');
  const given = messages.filter((message) => message.role === 'system').map((message) => message.content);
  const special = (text: string): SequencePart => ({ type: 'text', text, special: true });
  const turn = (role: string, content: string): SequencePart[] => [
    special(startOf(role)),
    ...userText(content),
    special(end),
  ];
  const prefix = given.length > 0 ? turn('system', given.join('\n')) : [special(system)];
  const question = [
    ...turns.slice(0, -1).flatMap((message) => turn(message.role, message.content)),
    special(startOf('user')),
    ...userText(turns.at(-1)?.content ?? ''),
    ...after,
  ];
  return { prefix, segments: [], question, maxTokens: prompts.chat.max_new_tokens };
}

function endWithMark(question: string): string {
  const text = question.trim();
  return /[.?!]$/.test(text) ? text : `${text}?`;
}

/** A describe instruction of the user's own is a question about the picture. */
export function describeSequence(prompts: Prompts, picture: Picture, instruction?: string): Sequence {
  if (instruction === undefined) return pictureSequence(prompts, picture);
  const template = prompts.picture_question.template.replace(' Answer briefly.', '');
  const { before, after } = around(template, 'image', { question: userText(instruction.trim()) });
  const base = pictureSequence(prompts, picture);
  return { ...base, prefix: before, question: after, maxTokens: 96, presencePenalty: 0, beams: 1 };
}
