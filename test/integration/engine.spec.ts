import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectDecoder } from '#decoder';
import { askTree, describeTree } from '#jobs';
import { openTessera, type Tessera } from '#pipeline';
import { loadConfig } from '#platform';
import { ROOT } from '../support/cli.js';
import { defaultPack } from '../support/decoder.js';
import { freePort, startLlama, type OuterServer } from '../support/servers.js';

/** llama.cpp in place of our decoder: nothing is stood in for. It has the base model of the pack, without eyes. */
let engine: OuterServer;
let folder: string;
let tessera: Tessera;
beforeAll(async () => {
  const pack = await defaultPack();
  engine = await startLlama(pack.path(pack.manifest.decoder.base));
  folder = mkdtempSync(join(tmpdir(), 'tessera-engine-'));
  chmodSync(folder, 0o711);
  const env = { ...process.env, TESSERA_DATA_DIR: folder, TESSERA_DECODER_URL: engine.url };
  tessera = await openTessera(loadConfig(env));
}, 300_000);
afterAll(async () => {
  await tessera.close();
  await engine.stop();
  rmSync(folder, { recursive: true, force: true });
});

const chat = async (text: string, sampling: object = {}) => {
  const task = { type: 'chat' as const, messages: [{ role: 'user' as const, content: text }] };
  const id = await tessera.jobs.submit({
    name: 'answer',
    payload: { task, inputs: [], sampling: { maxTokens: 24, ...sampling } },
  });
  return tessera.jobs.result<'answer'>(id);
};

test('a chat is answered with the engine’s words, and tells its tokens', async () => {
  const answer = await chat('What is the capital of France?', { logprobs: 2 });
  const response = await fetch(`${engine.url}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      messages: [
        { role: 'system', content: 'You are a helpful AI assistant named SmolLM, trained by Hugging Face' },
        { role: 'user', content: 'What is the capital of France?' },
      ],
      temperature: 0,
      max_tokens: 24,
    }),
  });
  const direct = (await response.json()) as { choices: { message: { content: string } }[] };
  expect(answer.text).toBe(direct.choices[0]?.message.content.trim());
  expect(answer.usage.completionTokens).toBeGreaterThan(0);
  expect(answer.logprobs?.length).toBeGreaterThan(0);
});

test('a question about a document has the engine’s answer and our citations', async () => {
  const path = join(folder, 'notes.txt');
  writeFileSync(path, 'The bridge was opened in 1932.\n\nThe red lighthouse is 40 metres high.\n');
  const source = { type: 'file' as const, path, name: 'notes.txt' };
  const id = await tessera.jobs.submit(await askTree('How high is the lighthouse?', [source]));
  const answer = await tessera.jobs.result<'answer'>(id);
  expect(answer.text).not.toBe('');
  expect(answer.citations[0]).toMatchObject({ input: 'notes.txt', quote: expect.stringContaining('lighthouse') });
});

test('a JSON schema is kept', async () => {
  const jsonSchema = {
    type: 'object',
    properties: { colour: { enum: ['red', 'blue'] } },
    required: ['colour'],
    additionalProperties: false,
  };
  expect(['red', 'blue']).toContain(
    (JSON.parse((await chat('Colour?', { jsonSchema })).text) as { colour: string }).colour,
  );
});

test('an engine without eyes refuses a picture, and says why', async () => {
  const source = { type: 'file' as const, path: join(ROOT, 'samples/cat.jpg'), name: 'cat.jpg' };
  const id = await tessera.jobs.submit(describeTree(source));
  await expect(tessera.jobs.result(id)).rejects.toMatchObject({
    code: 'unsupported_media',
    message: expect.stringMatching(/TESSERA_DECODER_URL refused: image input is not supported/),
  });
});

test('running work is cancelled; what is too long and an engine that is away are told apart', async () => {
  const model = await connectDecoder({ url: engine.url, pack: '', timeoutMs: 60_000 });
  const request = (text: string, maxTokens = 500) => ({
    prefix: [],
    segments: [],
    question: [{ type: 'text' as const, text, special: false }],
    sampling: { maxTokens },
  });
  const controller = new AbortController();
  await expect(async () => {
    for await (const event of model.generate(request('Count to a thousand.'), controller.signal))
      if (event.type === 'token') controller.abort();
  }).rejects.toMatchObject({ code: 'cancelled' });
  await expect(async () => {
    for await (const _ of model.generate(request('word '.repeat(3000))));
  }).rejects.toMatchObject({ code: 'context_too_long' });
  const away = `http://127.0.0.1:${await freePort()}/v1`;
  await expect(connectDecoder({ url: away, pack: '', timeoutMs: 1000 })).rejects.toMatchObject({
    code: 'decoder_failed',
    transient: true,
  });
});
