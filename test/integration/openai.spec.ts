import OpenAI, { APIError, NotFoundError, toFile } from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PNG, startApi, type TestApi } from '../support/api.js';

/** The official client, unmodified: what it can read is what the wire format has to be. */
let api: TestApi;
let client: OpenAI;
beforeAll(async () => {
  api = await startApi();
  client = new OpenAI({ baseURL: `${api.url}/v1`, apiKey: 'none', maxRetries: 0 });
});
afterAll(() => api.close());

const model = 'tessera-nano';
const image = `data:image/png;base64,${PNG.toString('base64')}`;

test('models', async () => {
  const models = await client.models.list();
  expect(models.data.map(({ id }) => id)).toEqual([model]);
  expect(await client.models.retrieve(model)).toMatchObject({ id: model, object: 'model' });
  await expect(client.models.retrieve('gpt-9')).rejects.toBeInstanceOf(NotFoundError);
});

test('a conversation in words', async () => {
  const completion = await client.chat.completions.create({
    model,
    messages: [
      { role: 'developer', content: 'Be brief.' },
      { role: 'user', content: [{ type: 'text', text: 'Hello there' }] },
    ],
    stop: ['\n'],
    seed: 7,
    temperature: 0.5,
    top_p: 0.9,
    max_completion_tokens: 50,
  });
  expect(completion.id).toMatch(/^chatcmpl-/);
  expect(completion.choices).toMatchObject([
    { index: 0, message: { role: 'assistant', content: 'Hello there ← nothing' }, finish_reason: 'stop' },
  ]);
  expect(completion.usage).toEqual({
    prompt_tokens: 10,
    completion_tokens: 4,
    total_tokens: 14,
    prompt_tokens_details: { cached_tokens: 2 },
    selected_tokens: 8,
  });
});

test('pictures, audio, video and files, in their order', async () => {
  const medium = await (
    await fetch(`${api.url}/v1/media`, {
      method: 'POST',
      body: (() => {
        const form = new FormData();
        form.append('file', new Blob([PNG]), 'kept.png');
        return form;
      })(),
    })
  ).json();
  const completion = await client.chat.completions.create({
    model,
    messages: [
      {
        role: 'user',
        content: [
          { type: 'image_url', image_url: { url: image, detail: 'low' } },
          { type: 'image_url', image_url: { url: 'https://example.com/a.jpg' } },
          {
            type: 'input_audio',
            input_audio: { data: Buffer.from('RIFF\0\0\0\0WAVE').toString('base64'), format: 'wav' },
          },
          { type: 'video_url', video_url: { url: 'https://example.com/v.mp4' } } as never,
          { type: 'file', file: { file_data: 'data:text/plain;base64,d29yZHM=', filename: 'notes.txt' } },
          { type: 'file', file: { file_id: (medium as { id: string }).id } },
          { type: 'text', text: 'What are these?' },
        ],
      },
    ],
  });
  expect(completion.choices[0]?.message.content).toBe(
    'What are these? ← inline.png + https://example.com/a.jpg + audio.wav + https://example.com/v.mp4 + notes.txt + kept.png',
  );
  expect((completion as unknown as { citations: unknown[] }).citations).toHaveLength(6);
});

test('streamed, with usage', async () => {
  const stream = await client.chat.completions.create({
    model,
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'Say it slowly' },
          { type: 'image_url', image_url: { url: image } },
        ],
      },
    ],
    stream: true,
    stream_options: { include_usage: true },
  });
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')).toBe('Say it slowly ← inline.png');
  expect(chunks[0]?.choices[0]?.delta).toEqual({ role: 'assistant', content: '' });
  expect(chunks.at(-2)?.choices[0]).toMatchObject({ delta: {}, finish_reason: 'stop' });
  expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: 15 } });
  expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
});

test('the client’s own stream helper and several choices', async () => {
  const runner = client.chat.completions.stream({ model, n: 2, messages: [{ role: 'user', content: 'Twice' }] });
  const completion = await runner.finalChatCompletion();
  expect(completion.choices.map(({ index, message }) => [index, message.content])).toEqual([
    [0, 'Twice ← nothing'],
    [1, 'Twice ← nothing'],
  ]);
  const plain = await client.chat.completions.create({ model, n: 3, messages: [{ role: 'user', content: 'Thrice' }] });
  expect(plain.choices).toHaveLength(3);
  expect(plain.usage).toMatchObject({ prompt_tokens: 10, completion_tokens: 9 });
});

test('a schema for the answer reaches the job', async () => {
  const schema = {
    type: 'object',
    properties: { name: { type: 'string' } },
    required: ['name'],
    additionalProperties: false,
  };
  const { response } = await client.chat.completions
    .create({
      model,
      messages: [{ role: 'user', content: 'As JSON' }],
      response_format: { type: 'json_schema', json_schema: { name: 'person', schema, strict: true } },
      logprobs: true,
      top_logprobs: 3,
    })
    .withResponse();
  const id = response.headers.get('x-job-id');
  const { rows } = await api.database.pool.query<{ sampling: object }>(
    `select spec->'payload'->'sampling' as sampling from tessera_queue.tree where id = $1`,
    [id],
  );
  expect(rows[0]?.sampling).toMatchObject({ jsonSchema: schema, logprobs: 3, temperature: 0 });
});

test('log probabilities of the tokens, whole and streamed', async () => {
  const request = { model, messages: [{ role: 'user' as const, content: 'Né' }], logprobs: true, top_logprobs: 1 };
  const bytes = [0x4e, 0xc3, 0xa9, 0x20];
  const first = { token: 'Né ', logprob: -0.5, bytes, top_logprobs: [{ token: 'Né ', logprob: -0.5, bytes }] };
  const [choice] = (await client.chat.completions.create(request)).choices;
  expect(choice?.logprobs?.content?.map(({ token }) => token)).toEqual(['Né ', '← ', 'nothing']);
  expect(choice?.logprobs?.content?.[0]).toEqual(first);

  const runner = client.chat.completions.stream({ ...request, stream: true });
  const streamed = await runner.finalChatCompletion();
  expect(streamed.choices[0]?.logprobs?.content).toEqual(choice?.logprobs?.content);

  const [plain] = (await client.chat.completions.create({ model, messages: request.messages })).choices;
  expect(plain?.logprobs).toBeNull();
});

test('errors are the client’s own classes', async () => {
  const ask = (content: OpenAI.ChatCompletionContentPart[]) =>
    client.chat.completions.create({ model, messages: [{ role: 'user', content }] });
  const url = ask([{ type: 'image_url', image_url: { url: 'http://localhost/a.png' } }]);
  await expect(url).rejects.toMatchObject({ status: 422, code: 'url_not_allowed', type: 'invalid_request_error' });
  const file = ask([{ type: 'file', file: { file_data: 'data:text/plain;base64,d29yZHM=', filename: 'bad.txt' } }]);
  await expect(file).rejects.toMatchObject({ status: 422, code: 'corrupt_media' });
  await expect(client.chat.completions.create({ model: 'gpt-9', messages: [] })).rejects.toBeInstanceOf(APIError);
  const streamed = client.chat.completions.create({
    model,
    stream: true,
    messages: [
      {
        role: 'user',
        content: [{ type: 'file', file: { file_data: 'data:text/plain;base64,d29yZHM=', filename: 'bad.txt' } }],
      },
    ],
  });
  await expect(streamed).rejects.toMatchObject({ status: 422, code: 'corrupt_media' });
});

test('a stream that is given up cancels its job', async () => {
  const stream = await client.chat.completions.create(
    {
      model,
      stream: true,
      messages: [
        {
          role: 'user',
          content: [{ type: 'file', file: { file_data: 'data:text/plain;base64,d29yZHM=', filename: 'slow.txt' } }],
        },
      ],
    },
    { timeout: 20_000 },
  );
  setTimeout(() => stream.controller.abort(), 100);
  for await (const _chunk of stream);
  await expect.poll(() => api.seen.aborted, { timeout: 1000 }).toEqual(['slow.txt']);
});

test('speech, whole and streamed', async () => {
  const file = () => toFile(Buffer.from('RIFF\0\0\0\0WAVEfmt '), 'jfk.wav');
  const said = 'Ask not what your country can do for you.';
  expect(await client.audio.transcriptions.create({ model, file: await file() })).toEqual({ text: said });
  expect(await client.audio.transcriptions.create({ model, file: await file(), response_format: 'srt' })).toBe(
    `srt: ${said}`,
  );
  const verbose = await client.audio.transcriptions.create({
    model,
    file: await file(),
    response_format: 'verbose_json',
    timestamp_granularities: ['word', 'segment'],
  });
  expect(verbose).toMatchObject({ text: said, duration: 3, segments: [{ start: 0, end: 1.5 }, { start: 1.5 }] });
  const stream = await client.audio.transcriptions.create({ model, file: await file(), stream: true });
  const events = [];
  for await (const event of stream) events.push(event.type);
  expect(events).toEqual(['transcript.text.delta', 'transcript.text.delta', 'transcript.text.done']);
});
