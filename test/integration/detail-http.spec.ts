import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { JobPayload } from '#contracts';
import { form, PNG, readEvents, startApi, type TestApi } from '../support/api.js';
import { request } from '../support/http.js';

let api: TestApi;
const payloads: JobPayload<'answer'>[] = [];
const WARNING = 'a.png was looked at with detail low: it has a side of one pixel.';

beforeAll(async () => {
  api = await startApi({}, () => ({
    answer: async (payload, { emit }) => {
      payloads.push(payload);
      emit({ type: 'token', text: 'A cat.' });
      const usage = { promptTokens: 1, selectedTokens: 1, completionTokens: 1, cachedTokens: 0 };
      return { text: 'A cat.', finishReason: 'stop', citations: [], usage, timings: {}, ...(payload.detail === 'high' ? { warnings: [WARNING] } : {}) }; // prettier-ignore
    },
  }));
});
afterAll(() => api.close());
beforeEach(() => void (payloads.length = 0));

const url = `data:image/png;base64,${PNG.toString('base64')}`;
const post = (path: string, body: object) => fetch(api.url + path, request('POST', body));
const picture = (detail?: string) => ({ type: 'image_url', image_url: { url, ...(detail ? { detail } : {}) } });
const chat = (...parts: object[]) => ({ messages: [{ role: 'user', content: [{ type: 'text', text: 'What?' }, ...parts] }] }); // prettier-ignore
const files: [string, string, Uint8Array<ArrayBuffer>][] = [['file', 'a.png', PNG]];

/** The three ways in, each with a way to say `detail`. */
const WAYS: [name: string, path: string, body: (detail?: string) => object][] = [
  ['chat', '/v1/chat/completions', (detail) => chat(picture(detail))],
  ['descriptions', '/v1/images/descriptions', (detail) => ({ url, ...(detail ? { detail } : {}) })],
  ['descriptions, as a form', '/v1/images/descriptions', (detail) => form(detail ? { detail } : {}, files)],
  ['questions', '/v1/questions', (detail) => ({ question: 'What?', urls: url, ...(detail ? { detail } : {}) })],
  ['questions, as a form', '/v1/questions', (detail) => form({ question: 'What?', ...(detail ? { detail } : {}) }, [['files', 'a.png', PNG]])], // prettier-ignore
];

describe.each(WAYS)('%s', (_name, path, body) => {
  test('detail reaches the job, and what could not be done comes back', async () => {
    for (const detail of [undefined, 'auto', 'low', 'high']) {
      const response = await post(path, body(detail));
      expect(response.status).toBe(200);
      expect(payloads.at(-1)?.detail).toBe(detail);
      const { warnings } = (await response.json()) as { warnings?: string[] };
      expect(warnings).toEqual(detail === 'high' ? [WARNING] : undefined);
    }
  });

  test('another value is refused, and the answer names those there are', async () => {
    const response = await post(path, body('sharp'));
    expect(response.status).toBe(400);
    const { error } = (await response.json()) as { error: { message: string; param: string } };
    expect(error.message).toMatch(/"auto".*"low".*"high"/);
    expect(error.param).toMatch(/detail$/);
    expect(payloads).toEqual([]);
  });
});

test('the detail of one picture is not that of several', async () => {
  expect((await post('/v1/chat/completions', chat(picture('high'), picture('high')))).status).toBe(200);
  expect(payloads[0]).not.toHaveProperty('detail');
});

test('a stream ends with what could not be done', async () => {
  const response = await post('/v1/chat/completions', { ...chat(picture('high')), stream: true });
  const chunks = (await readEvents(response)).filter(({ data }) => data !== '[DONE]').map(({ data }) => JSON.parse(data) as { warnings?: string[] }); // prettier-ignore
  expect(chunks.at(-1)?.warnings).toEqual([WARNING]);
  expect(chunks.slice(0, -1).some((chunk) => 'warnings' in chunk)).toBe(false);
});
