import { extname } from 'node:path';
import { TesseraError, type AnswerTask, type Detail } from '#contracts';
import type { TreeInput } from '#jobs';
import type { MediaStore } from '../inputs/store.js';
import type { ContentPart, Message } from './request.js';

type Chat = Extract<AnswerTask, { type: 'chat' }>;
type MediaPart = Exclude<ContentPart, { type: 'text' } | { type: 'refusal' }>;

const partsOf = ({ content }: Message): ContentPart[] =>
  typeof content === 'string' ? [{ type: 'text', text: content }] : (content ?? []);

const textOf = (part: ContentPart) => (part.type === 'text' ? part.text : part.type === 'refusal' ? part.refusal : '');

/** The words of a conversation, turn by turn; `developer` is OpenAI's newer name for `system`. */
export function conversationOf(messages: readonly Message[]): Chat {
  const turns = messages.map((message) => ({
    role: message.role === 'developer' ? ('system' as const) : message.role,
    content: partsOf(message).map(textOf).filter(Boolean).join('\n'),
  }));
  return { type: 'chat', messages: turns };
}

/** The media of a conversation with the places they stand at, in order. */
export function mediaPartsOf(messages: readonly Message[]): { part: MediaPart; param: string }[] {
  return messages.flatMap((message, m) =>
    partsOf(message).flatMap((part, p) =>
      part.type === 'text' || part.type === 'refusal' ? [] : [{ part, param: `messages.${m}.content.${p}` }],
    ),
  );
}

/** How closely the picture of a conversation is to be looked at: one that stands beside other media is seen as a whole. */
export function detailOf(messages: readonly Message[]): Detail | undefined {
  const media = mediaPartsOf(messages);
  const part = media.length === 1 ? media[0]?.part : undefined;
  return part?.type === 'image_url' ? part.image_url.detail : undefined;
}

/** Stores what a part holds, or checks where it points to. */
export async function toInput(store: MediaStore, tenant: string, part: MediaPart, param: string): Promise<TreeInput> {
  switch (part.type) {
    case 'image_url': {
      // Whatever its URL looks like, it was given as a picture.
      const input = await store.fromUrl(tenant, part.image_url.url, undefined, `${param}.image_url.url`);
      return { ...input, kind: input.source.type === 'url' ? 'image' : input.kind };
    }
    case 'input_audio': {
      const { data, format } = part.input_audio;
      return store.fromBase64(tenant, data, `audio.${format}`, `${param}.input_audio.data`);
    }
    case 'video_url': {
      const { url, fps, num_frames: numFrames } = part.video_url;
      const input = await store.fromUrl(tenant, url, undefined, `${param}.video_url.url`);
      const kind = input.source.type === 'url' ? 'video' : input.kind;
      return { ...input, kind, see: { ...(fps ? { fps } : {}), ...(numFrames ? { numFrames } : {}) } };
    }
    case 'file': {
      const { file_data: data, file_id: id, filename } = part.file;
      if (id !== undefined) return store.fromId(tenant, id);
      if (data === undefined)
        throw new TesseraError('invalid_request', `${param}.file: give file_data or file_id`, {
          param: `${param}.file`,
        });
      const name = filename && extname(filename) !== '' ? filename : (filename ?? 'file');
      if (/^data:/i.test(data)) return store.fromUrl(tenant, data, name, `${param}.file.file_data`);
      return store.fromBase64(tenant, data, name, `${param}.file.file_data`);
    }
  }
}
