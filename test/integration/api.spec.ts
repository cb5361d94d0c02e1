import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { form, PNG, readEvents, startApi, type TestApi } from '../support/api.js';
import { errorOf, json, request } from '../support/http.js';

let api: TestApi;
beforeAll(async () => {
  api = await startApi({
    TESSERA_MAX_FILE: '1MiB',
    TESSERA_MAX_BODY: '1MiB',
    TESSERA_MAX_PARTS: '4',
    TESSERA_MODEL_ALIASES: 'whisper-1',
  });
});
afterAll(() => api.close());

const get = (path: string, headers: Record<string, string> = {}) => fetch(api.url + path, { headers });
const post = (path: string, body: object, headers: Record<string, string> = {}) =>
  fetch(api.url + path, request('POST', body, headers));

describe('descriptions', () => {
  test('of an uploaded picture', async () => {
    const response = await post('/v1/images/descriptions', form({ prompt: 'short' }, [['file', 'cat.png', PNG]]));
    expect(response.status).toBe(200);
    expect(await json(response)).toMatchObject({
      input: 'cat.png',
      description: 'describe ← cat.png',
      usage: { prompt_tokens: 10, selected_tokens: 8 },
      timings: { total_ms: expect.any(Number) as number },
    });
  });

  test('of several: each has its description or its error', async () => {
    const files: [string, string, Buffer<ArrayBuffer>][] = [
      ['file', 'a.png', PNG],
      ['file', 'bad.png', Buffer.concat([PNG, PNG])],
    ];
    const body = await json(post('/v1/images/descriptions', form({}, files)));
    expect(body).toMatchObject({
      object: 'list',
      data: [
        { input: 'a.png' },
        { input: 'bad.png', error: { code: 'corrupt_media', message: 'bad.png is cut off.' } },
      ],
    });
  });

  test('of a data URL, an http URL and a medium', async () => {
    const data = await json(
      post('/v1/images/descriptions', { url: `data:image/png;base64,${PNG.toString('base64')}` }),
    );
    expect(data).toMatchObject({ input: 'inline.png' });
    const remote = await json(post('/v1/images/descriptions', { url: 'https://example.com/cat.png' }));
    expect(remote).toMatchObject({ input: 'https://example.com/cat.png' });
    const { id } = await json(post('/v1/media', form({}, [['file', 'dog.png', PNG]])));
    expect(await json(post('/v1/images/descriptions', { media: id }))).toMatchObject({ input: 'dog.png' });
  });
});

describe('transcriptions', () => {
  const audio = Buffer.from('RIFF\0\0\0\0WAVEfmt ', 'latin1');
  const transcribe = (fields: Record<string, string>) =>
    post('/v1/audio/transcriptions', form(fields, [['file', 'jfk.wav', audio]]));
  const said = 'Ask not what your country can do for you.';

  test.each([
    ['json', 'application/json; charset=utf-8', JSON.stringify({ text: said })],
    ['text', 'text/plain; charset=utf-8', `${said}\n`],
    ['srt', 'application/x-subrip; charset=utf-8', `srt: ${said}`],
    ['vtt', 'text/vtt; charset=utf-8', `vtt: ${said}`],
  ])('as %s', async (format, type, body) => {
    const response = await transcribe({ model: 'whisper-1', response_format: format });
    expect([response.status, response.headers.get('content-type'), await response.text()]).toEqual([200, type, body]);
  });

  test('with words, as verbose_json', async () => {
    const body = await json(transcribe({ response_format: 'verbose_json', 'timestamp_granularities[]': 'word' }));
    expect(body).toMatchObject({ task: 'transcribe', language: 'en', segments: [{ start: 0 }, { start: 1.5 }] });
  });

  test('streamed', async () => {
    const events = (await readEvents(await transcribe({ stream: 'true' }))).map(({ data }) => data);
    expect(events.pop()).toBe('[DONE]');
    expect(events.map((data) => JSON.parse(data) as object)).toEqual([
      { type: 'transcript.text.delta', delta: 'Ask not' },
      { type: 'transcript.text.delta', delta: ' what your country can do for you.' },
      { type: 'transcript.text.done', text: said },
    ]);
  });

  test('without a file, with two, or with a model that is not there', async () => {
    expect(await errorOf(await post('/v1/audio/transcriptions', form({})))).toMatchObject({
      status: 400,
      param: 'file',
    });
    const two = form({}, [
      ['file', 'a.wav', audio],
      ['file', 'b.wav', audio],
    ]);
    expect(await errorOf(await post('/v1/audio/transcriptions', two))).toMatchObject({
      status: 400,
      code: 'invalid_request',
    });
    expect(await errorOf(await transcribe({ model: 'whisper-9' }))).toMatchObject({
      status: 404,
      code: 'model_not_found',
      param: 'model',
    });
  });
});

describe('questions', () => {
  test('about uploads, URLs and media at once, with citations', async () => {
    const { id } = await json(post('/v1/media', form({}, [['file', 'm.png', PNG]])));
    const fields = { question: 'Who?', media: String(id), urls: 'https://example.com/u.mp4' };
    const body = await json(post('/v1/questions', form(fields, [['files', 'f.txt', 'some words']])));
    expect(body).toMatchObject({
      question: 'Who?',
      answer: 'Who? ← f.txt + m.png + https://example.com/u.mp4',
      citations: [
        { input: 'f.txt', start: 0, end: 1, page: null, quote: 'seen' },
        { input: 'm.png' },
        { input: 'https://example.com/u.mp4' },
      ],
    });
  });

  test('streamed', async () => {
    const events = await readEvents(
      await post('/v1/questions', { question: 'Who is it?', urls: ['https://example.com/a.png'], stream: true }),
    );
    const text = events
      .filter(({ event }) => event === 'token')
      .map(({ data }) => (JSON.parse(data) as { text: string }).text);
    expect(text.join('')).toBe('Who is it? ← https://example.com/a.png');
    expect(events.at(-1)?.event).toBe('done');
    expect(JSON.parse(events.at(-1)?.data ?? '')).toMatchObject({ answer: text.join('') });
  });

  test('a failure in a stream is an error event', async () => {
    const events = await readEvents(
      await post('/v1/questions', form({ question: '?', stream: 'true' }, [['files', 'bad.png', PNG]])),
    );
    expect(events.map(({ event }) => event)).toEqual(['error']);
    expect(JSON.parse(events[0]?.data ?? '')).toMatchObject({ error: { code: 'corrupt_media', param: 'file' } });
  });
});

describe('errors have one form', () => {
  const ask = (body: object) => post('/v1/questions', body);
  const cases: [string, () => Promise<Response>, object][] = [
    ['no route', () => get('/v1/nothing'), { status: 404, code: 'not_found' }],
    [
      'broken JSON',
      () =>
        fetch(`${api.url}/v1/questions`, {
          method: 'POST',
          body: '{',
          headers: { 'content-type': 'application/json' },
        }),
      { status: 400 },
    ],
    [
      'another content type',
      () => fetch(`${api.url}/v1/questions`, { method: 'POST', body: 'a', headers: { 'content-type': 'text/csv' } }),
      { status: 415, code: 'unsupported_media', message: expect.stringContaining('multipart/form-data') as unknown },
    ],
    ['no body', () => fetch(`${api.url}/v1/questions`, { method: 'POST' }), { status: 400, param: 'question' }],
    [
      'wrong field',
      () => ask({ question: 'a', temperature: 9 }),
      { status: 400, code: 'invalid_request', param: 'temperature' },
    ],
    [
      'large body',
      () => ask({ question: 'a', urls: ['x'.repeat(2 * 2 ** 20)] }),
      { status: 413, code: 'file_too_large' },
    ],
    [
      'private URL',
      () => ask({ question: 'a', urls: ['http://169.254.169.254/'] }),
      { status: 422, code: 'url_not_allowed' },
    ],
    ['file URL', () => ask({ question: 'a', urls: ['file:///etc/passwd'] }), { status: 422, code: 'url_not_allowed' }],
    [
      'bad data URL',
      () => ask({ question: 'a', urls: ['data:image/png,plain'] }),
      { status: 400, code: 'invalid_request' },
    ],
    [
      'too many parts',
      () => ask({ question: 'a', urls: Array<string>(5).fill('https://example.com/') }),
      { status: 400 },
    ],
    [
      'empty file',
      () => post('/v1/questions', form({ question: 'a' }, [['files', 'empty.png', '']])),
      { status: 422, code: 'empty_file' },
    ],
    ['foreign medium', () => ask({ question: 'a', media: ['0'.repeat(64)] }), { status: 404, code: 'media_not_found' }],
    [
      'bad media id',
      () => ask({ question: 'a', media: ['../../etc/passwd'] }),
      { status: 400, param: 'media.0', message: 'media.0: is not the id of a medium' },
    ],
    ['path in an id', () => get('/v1/media/..%2f..%2fetc%2fpasswd'), { status: 404 }],
    ['bad page', () => get('/v1/jobs?limit=many'), { status: 400, param: 'limit' }],
    [
      'bad file',
      () => post('/v1/images/descriptions', form({}, [['file', 'bad.png', PNG]])),
      { status: 422, code: 'corrupt_media', param: 'file' },
    ],
  ];
  test.each(cases)('%s', async (_name, send, expected) => {
    const response = await send();
    const error = await errorOf(response);
    expect(error).toMatchObject({
      message: expect.any(String) as string,
      type: expect.any(String) as string,
      ...expected,
    });
    expect(JSON.stringify(error)).not.toMatch(/node_modules|\.ts:|\.js:/);
    expect(response.headers.get('x-request-id')).toBeTruthy();
  });
});

describe('the service', () => {
  test('says how it is', async () => {
    expect(await json(get('/health/live'))).toEqual({ status: 'ok' });
    expect(await json(get('/health/ready'))).toEqual({ status: 'ok', checks: { database: 'ok', queue: 'ok' } });
  });

  test('tells its metrics', async () => {
    await get('/v1/jobs/nope');
    const text = await (await get('/metrics')).text();
    expect(text).toMatch(/^tessera_queue_depth\{state="queued"\} \d+$/m);
    expect(text).toMatch(/^tessera_job_seconds_count\{job="answer",end="completed"\} [1-9]/m);
    expect(text).toMatch(
      /^tessera_http_request_seconds_count\{method="GET",route="\/v1\/jobs\/:id",status="404"\} [1-9]/m,
    );
    expect(text).toMatch(/^tessera_answer_tokens_total [1-9]/m);
  });

  test('describes itself in OpenAPI 3.1, from the schemas that validate', async () => {
    const document = (await json(get('/docs/json'))) as unknown as {
      openapi: string;
      paths: Record<string, Record<string, unknown>>;
    };
    expect(document.openapi).toBe('3.1.0');
    const routes = Object.entries(document.paths).flatMap(([path, verbs]) =>
      Object.keys(verbs).map((verb) => `${verb} ${path}`),
    );
    expect(routes).toEqual(
      expect.arrayContaining([
        'post /v1/chat/completions',
        'post /v1/audio/transcriptions',
        'get /v1/jobs/{id}/events',
        'delete /v1/jobs/{id}',
      ]),
    );
    expect(document.paths['/v1/chat/completions']?.['post']).toMatchObject({
      requestBody: { content: { 'application/json': { schema: { required: ['messages'] } } } },
    });
    const page = await get('/docs');
    expect([page.status, page.headers.get('content-type')]).toEqual([200, expect.stringContaining('text/html')]);
  });

  test('a job’s state is told quickly while others run', async () => {
    const { id } = await json(
      post('/v1/questions', { question: 'q', urls: ['https://example.com/q.png'] }, { prefer: 'respond-async' }),
    );
    await sleep(200);
    // The best of five rounds: what else a machine does in one of them is not the service's delay.
    let best = Infinity;
    for (let round = 0; round < 5 && best >= 50; round++) {
      const times: number[] = [];
      for (let i = 0; i < 100; i++) {
        const start = performance.now();
        await (await get(`/v1/jobs/${id}`)).text();
        times.push(performance.now() - start);
      }
      best = Math.min(best, times.sort((a, b) => a - b)[98] as number);
    }
    expect(best).toBeLessThan(50);
  }, 60_000);
});
