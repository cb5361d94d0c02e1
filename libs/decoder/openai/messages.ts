import { TesseraError, type DecodeRequest, type SequencePart } from '#contracts';

type Content = { type: 'text'; text: string } | { type: 'image_url'; image_url: { url: string } };

export interface Message {
  role: string;
  /** Text alone is a string, which every engine takes. */
  content: string | Content[];
}

/** The marks of the chat format in which packs write their prompts (ChatML). */
const MARKS = /(<\|im_start\|>\w+\n|<\|im_end\|>\n?)/;
const START = /^<\|im_start\|>(\w+)\n$/;

interface Turn {
  role: string;
  content: Content[];
}

function addText(turn: Turn, text: string): void {
  const last = turn.content.at(-1);
  if (last?.type === 'text') last.text += text;
  else turn.content.push({ type: 'text', text });
}

function pictureOf({ picture }: Extract<SequencePart, { type: 'embeddings' }>): Content {
  if (!picture)
    throw new TesseraError(
      'unsupported_media',
      'The engine of TESSERA_DECODER_URL needs the picture, which is not there.',
    );
  return { type: 'image_url', image_url: { url: `data:image/jpeg;base64,${Buffer.from(picture).toString('base64')}` } };
}

function toMessage({ role, content }: Turn): Message {
  const [only] = content;
  return { role, content: content.length === 1 && only?.type === 'text' ? only.text : content };
}

/**
 * The sequence as a conversation: what the marks of the pack's templates set apart becomes a message each, pictures go in place of
 * their tokens, and the opened turn that the answer would be written into is left to the engine. What users brought is never read as marks.
 */
export function toMessages({ prefix, segments, question }: DecodeRequest): Message[] {
  const turns: Turn[] = [];
  let open: Turn | undefined;
  const current = (): Turn => {
    if (!open) turns.push((open = { role: 'user', content: [] }));
    return open;
  };
  for (const part of [...prefix, ...segments.flatMap(({ parts }) => parts), ...question]) {
    if (part.type === 'embeddings') current().content.push(pictureOf(part));
    else if (!part.special) addText(current(), part.text);
    else
      for (const piece of part.text.split(MARKS)) {
        const role = START.exec(piece)?.[1];
        if (role !== undefined) turns.push((open = { role, content: [] }));
        else if (MARKS.test(piece)) open = undefined;
        else if (piece !== '') addText(current(), piece);
      }
  }
  return turns.filter(({ content }) => content.length > 0).map(toMessage);
}
