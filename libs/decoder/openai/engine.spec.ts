import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { DecodeEvent, DecodeRequest } from '#contracts';
import type { LanguageModel, RemoteOptions } from '../remote/language-model.js';
import { openEngine } from './engine.js';

const request: DecodeRequest = { prefix: [], segments: [], question: [], sampling: {} };
const chunk = (content: string, finish: string | null = null) =>
  `data: ${JSON.stringify({ choices: [{ delta: { content }, finish_reason: finish }] })}\n\n`;

let server: Server;
let port: number;
/** What the engine does with a chat. */
let chat: (response: ServerResponse) => void;
let heard: { key: string | undefined; body: string };
beforeEach(async () => {
  server = createServer((incoming, response) => {
    if (incoming.url === '/v1/models') return response.end(JSON.stringify({ data: [{ id: 'first' }] }));
    heard = { key: incoming.headers.authorization, body: '' };
    incoming.on('data', (bytes: Buffer) => (heard.body += bytes.toString()));
    incoming.on('end', () => chat(response));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
});
afterEach(() => {
  server.close();
  server.closeAllConnections();
});

const open = (options: Partial<RemoteOptions> = {}): Promise<LanguageModel> =>
  openEngine({ url: `http://127.0.0.1:${port}/v1/`, pack: '', timeoutMs: 10_000, ...options });

async function answer(engine: LanguageModel, signal?: AbortSignal): Promise<DecodeEvent[]> {
  const events: DecodeEvent[] = [];
  for await (const event of engine.generate(request, signal)) events.push(event);
  return events;
}

test('an answer is streamed from the first model that the engine lists, with the key', async () => {
  chat = (response) => response.end(chunk('Sa') + chunk('lt', 'stop'));
  const events = await answer(await open({ key: 'between us' }));
  expect(events.at(-1)).toMatchObject({ type: 'done', text: 'Salt', finishReason: 'stop' });
  expect(heard.key).toBe('Bearer between us');
  expect(JSON.parse(heard.body)).toMatchObject({ model: 'first', stream: true });
});

test('refusals keep the engine’s words', async () => {
  const refuse = (status: number, message: string) => {
    chat = (response) => response.writeHead(status).end(JSON.stringify({ error: { message } }));
    return expect(open({ model: 'm' }).then(answer)).rejects;
  };
  await refuse(429, 'Later.').toMatchObject({ code: 'overloaded', message: expect.stringContaining('Later.') });
  await refuse(400, 'maximum context length is 8').toMatchObject({ code: 'context_too_long' });
  await refuse(308, 'Over there.').toMatchObject({ code: 'configuration' });
});

test('the time for an answer holds before its first byte and in its middle', async () => {
  const engine = await open({ model: 'm', timeoutMs: 200 });
  for (const begin of [() => undefined, (response: ServerResponse) => void response.write(chunk('Sa'))]) {
    chat = begin;
    await expect(answer(engine)).rejects.toMatchObject({
      code: 'timeout',
      message: `The engine at 127.0.0.1:${port} took longer than 0.2 s.`,
    });
  }
});

test('whoever gives up, or stops reading, ends the engine’s work', async () => {
  const engine = await open({ model: 'm' });
  const gone = () =>
    new Promise<void>((closed) => {
      chat = (response) => response.once('close', () => closed()).write(chunk('Sa'));
    });
  let closed = gone();
  const caller = new AbortController();
  setTimeout(() => caller.abort(), 100);
  await expect(answer(engine, caller.signal)).rejects.toMatchObject({ code: 'cancelled' });
  await closed;
  closed = gone();
  for await (const event of engine.generate(request)) if (event.type === 'token') break;
  await closed;
});

test('of an engine that is away, messages name the host and nothing else of its URL', async () => {
  server.close();
  await once(server, 'close');
  const url = `http://ada:s3cret@127.0.0.1:${port}/v1?key=s3cret`;
  const error = await open({ url, model: 'm' })
    .then(answer)
    .catch((thrown: Error) => thrown);
  expect(error).toMatchObject({
    code: 'decoder_failed',
    message: `The engine at 127.0.0.1:${port} cannot be reached.`,
    transient: true,
  });
});

test('an answer that breaks off is worth another try', async () => {
  chat = (response) => void response.write(chunk('Sa'), () => response.destroy());
  await expect(open({ model: 'm' }).then(answer)).rejects.toMatchObject({ code: 'decoder_failed', transient: true });
});
