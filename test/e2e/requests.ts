import { randomUUID } from 'node:crypto';
import { renew, type Media } from './media.js';

export interface Outcome {
  job: string;
  text: string;
}

/** One kind of request: sends it and gives the text of its answer. */
export type Send = (url: string, media: Media) => Promise<Outcome>;

const IDEMPOTENT = (): Record<string, string> => ({ 'idempotency-key': randomUUID() });

async function post(url: string, init: RequestInit): Promise<Response> {
  const response = await fetch(url, { method: 'POST', ...init });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  return response;
}

const jobOf = (response: Response): string => response.headers.get('x-job-id') ?? 'unknown';

function form(fields: Record<string, string>, field: string, name: string, bytes: Buffer): RequestInit {
  const body = new FormData();
  for (const [key, value] of Object.entries(fields)) body.set(key, value);
  body.set(field, new Blob([new Uint8Array(bytes)]), name);
  return { body, headers: IDEMPOTENT() };
}

const json = (body: unknown): RequestInit => ({
  body: JSON.stringify(body),
  headers: { 'content-type': 'application/json', ...IDEMPOTENT() },
});

async function read(response: Response, field: string): Promise<Outcome> {
  const body = (await response.json()) as Record<string, unknown>;
  return { job: jobOf(response), text: String(body[field]) };
}

const describe: Send = async (url, { picture }) =>
  read(await post(`${url}/v1/images/descriptions`, form({}, 'file', 'cat.jpg', picture)), 'description');

const transcribe: Send = async (url, { speech }) =>
  read(await post(`${url}/v1/audio/transcriptions`, form({}, 'file', 'speech.wav', speech)), 'text');

const ask: Send = async (url, { speech }) =>
  read(await post(`${url}/v1/questions`, form({ question: 'What is said?' }, 'files', 'speech.wav', speech)), 'answer');

const askFilm: Send = async (url, { film }) =>
  read(await post(`${url}/v1/questions`, form({ question: 'What is it about?' }, 'files', 'talk.mp4', film)), 'answer');

/** Streamed: what was told before a worker died must not be told again. */
const chat: Send = async (url) => {
  const messages = [{ role: 'user', content: 'In which city is the Eiffel Tower?' }];
  const response = await post(
    `${url}/v1/chat/completions`,
    json({ model: 'tessera-nano', messages, stream: true, max_completion_tokens: 16 }),
  );
  const events = (await response.text()).split('\n').filter((line) => line.startsWith('data: '));
  if (events.at(-1) !== 'data: [DONE]') throw new Error(`the stream broke off: ${events.at(-1)}`);
  const deltas = events.slice(0, -1).map((line) => {
    const chunk = JSON.parse(line.slice('data: '.length)) as { choices: { delta: { content?: string } }[] };
    return chunk.choices[0]?.delta.content ?? '';
  });
  return { job: jobOf(response), text: deltas.join('').trim() };
};

const chatPicture: Send = async (url, { picture }) => {
  const image = { type: 'image_url', image_url: { url: `data:image/jpeg;base64,${picture.toString('base64')}` } };
  const content = [{ type: 'text', text: 'What animal is this?' }, image];
  const response = await post(
    `${url}/v1/chat/completions`,
    json({ model: 'tessera-nano', messages: [{ role: 'user', content }] }),
  );
  const body = (await response.json()) as { choices: { message: { content: string } }[] };
  return { job: jobOf(response), text: body.choices[0]?.message.content ?? '' };
};

export const KINDS: Record<string, { send: Send; share: number }> = {
  'image description': { send: describe, share: 6 },
  transcription: { send: transcribe, share: 5 },
  'question about a recording': { send: ask, share: 3 },
  'question about a film': { send: askFilm, share: 1 },
  'chat, streamed': { send: chat, share: 3 },
  'chat about a picture': { send: chatPicture, share: 2 },
};

/** Kinds in the order in which they are sent, mixed by their shares. */
export function mix(requests: number): string[] {
  const round = Object.entries(KINDS).flatMap(([kind, { share }]) => new Array<string>(share).fill(kind));
  // 7 and the length of a round have no divisor in common, so steps of 7 visit all of it.
  return Array.from({ length: requests }, (_, i) => round[(i * 7) % round.length] as string);
}

export const send = (kind: string, url: string, media: Media): Promise<Outcome> =>
  (KINDS[kind] as { send: Send }).send(url, renew(media));
