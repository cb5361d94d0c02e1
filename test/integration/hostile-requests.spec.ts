import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PNG, startApi, type TestApi } from '../support/api.js';

let api: TestApi;

beforeAll(async () => {
  api = await startApi({ TESSERA_MAX_BODY: '2MiB', TESSERA_LOG_LEVEL: 'warn' });
});
afterAll(() => api.close());

/** Sends exactly these bytes to exactly this path: neither is made better on the way. */
function send(
  method: string,
  path: string,
  body: string | Buffer = '',
  headers: Record<string, string> = {},
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(api.url, { method, path, agent: false, timeout: 20_000, headers: { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)), ...headers } }); // prettier-ignore
    outgoing.once('timeout', () => outgoing.destroy(new Error('no answer')));
    outgoing.once('error', reject).end(body);
    outgoing.once('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
    });
  });
}

const chat = (content: unknown, more: object = {}) =>
  JSON.stringify({ messages: [{ role: 'user', content }], ...more });
const image = (url: string) => chat([{ type: 'image_url', image_url: { url } }]);
const deep = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
const PNG_URL = `data:image/png;base64,${PNG.toString('base64')}`;

/** A form written by hand. */
function form(...parts: [disposition: string, data: string | Buffer][]) {
  const boundary = 'tessera';
  const body = Buffer.concat([
    ...parts.flatMap(([disposition, data]) => [
      Buffer.from(`--${boundary}\r\ncontent-disposition: form-data; ${disposition}\r\n\r\n`),
      Buffer.from(data),
      Buffer.from('\r\n'),
    ]),
    Buffer.from(`--${boundary}--\r\n`),
  ]);
  return { body, headers: { 'content-type': `multipart/form-data; boundary=${boundary}` } };
}

const CHAT = '/v1/chat/completions';
const HASH = 'a'.repeat(64);

describe('bodies', () => {
  test.each([
    ['no JSON', '{"messages": ['],
    ['nothing', ''],
    ['null', 'null'],
    ['a number', '1e999'],
    ['lists 100,000 deep', deep(100_000)],
    ['a schema 50,000 deep', chat('x', { response_format: { type: 'json_schema', json_schema: { schema: { items: 'HERE' } } } }).replace('"HERE"', deep(50_000))], // prettier-ignore
    ['a zero character', chat('a\0b')],
    ['half a character', '{"messages":[{"role":"user","content":"\\ud800"}]}'],
    ['a zero character in a name', chat('x', { logit_bias: { '1\0': 1 } })],
    ['a prototype', '{"__proto__": {"messages": 1}, "messages": []}'],
    ['no UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])],
    ['more than the limit', chat('x'.repeat(3 << 20))],
    ['messages without end', JSON.stringify({ messages: 'x' })],
    ['a role nobody has', JSON.stringify({ messages: [{ role: 'root', content: 'x' }] })],
    ['numbers out of range', chat('x', { temperature: 1e308, max_tokens: -1, seed: 1.5, n: 1e9 })],
    ['a data URL cut short', image('data:image/png;base64')],
    ['a data URL of no base64', image('data:image/png;base64,***')],
    ['a data URL of half an escape', image('data:image/png;base64,%E0%A4%zz%')],
    ['a data URL with nothing in it', image('data:image/png;base64,====')],
    ['a URL of the inside', image('http://169.254.169.254/latest/meta-data')],
    ['a URL of a file', image('file:///etc/passwd')],
    ['a URL of a script', image('javascript:alert(1)')],
    ['a URL with a zero character', image('http://a.example/\0')],
    ['sound that is no base64', chat([{ type: 'input_audio', input_audio: { data: 'no base64!', format: 'wav' } }])],
    ['a format that is a path', chat([{ type: 'input_audio', input_audio: { data: 'AAAA', format: '../../x' } }])],
    ['a file that is nobody’s', chat([{ type: 'file', file: { file_id: `file-${'x'.repeat(3000)}` } }])],
    ['a medium that is a path', chat([{ type: 'file', file: { file_id: '../../../etc/passwd' } }])],
    ['65 pictures', chat(Array(65).fill({ type: 'image_url', image_url: { url: PNG_URL } }))],
  ])('%s', async (_title, body) => {
    const { status, text } = await send('POST', CHAT, body);
    expect([400, 404, 413, 422], text).toContain(status);
    expect(JSON.parse(text)).toMatchObject({ error: { message: expect.any(String), code: expect.any(String) } });
  });

  test('names of files are labels, whatever is in them', async () => {
    const names = ['../../etc/passwd', 'a\0b.png', 'a%00.png', '"; rm -rf', 'x'.repeat(3000), '\u202egnp.exe', '<script>', '-i', 'concat:a|b', '', ' ', 'CON', '\ud83d.png']; // prettier-ignore
    for (const name of names) {
      const { body, headers } = form([`name="file"; filename="${name.replaceAll('"', '%22')}"`, PNG]);
      const { status, text } = await send('POST', '/v1/media', body, headers);
      // Without a name it is a field, not a file.
      expect([201, 400], `${name}: ${text}`).toContain(status);
      if (status !== 201) continue;
      const { id, name: kept } = JSON.parse(text) as { id: string; name: string };
      // eslint-disable-next-line no-control-regex
      expect(kept).toMatch(/^[^\x00-\x1f]{1,255}$/u);
      expect((await send('GET', `/v1/media/${id}/content`)).status).toBe(200);
    }
  });

  test.each([
    ['fields with zero characters', form(['name="prompt"', 'a\0b'], ['name="file"; filename="a.png"', PNG])],
    ['a field called __proto__', form(['name="__proto__"', 'x'], ['name="constructor"', 'y'])],
    ['a thousand fields', form(...Array.from({ length: 1000 }, (_, i): [string, string] => [`name="f${i}"`, 'x']))],
    ['no boundary', { body: 'x', headers: { 'content-type': 'multipart/form-data' } }],
    ['a form that breaks off', { body: form(['name="file"; filename="a.png"', PNG]).body.subarray(0, 100), headers: { 'content-type': 'multipart/form-data; boundary=tessera' } }], // prettier-ignore
    ['a type nobody knows', { body: 'x', headers: { 'content-type': 'application/x-evil' } }],
    ['a type that is none', { body: 'x', headers: { 'content-type': '///' } }],
  ])('forms: %s', async (_title, { body, headers }) => {
    const { status, text } = await send('POST', '/v1/images/descriptions', body, headers);
    expect([400, 413, 415], text).toContain(status);
  });
});

describe('addresses', () => {
  test.each([
    `/v1/media/%00`,
    `/v1/media/${HASH}%00/frame`,
    `/v1/media/..%2f..%2fetc%2fpasswd/content`,
    `/v1/media/${'x'.repeat(5000)}`,
    `/v1/media/%E0%A4%A`,
    `/v1/media?after=%00`,
    `/v1/media?limit=1e999`,
    `/v1/media?limit=1&limit=2`,
    `/v1/media/${HASH}/frame?t=Infinity`,
    `/v1/media/${HASH}/clip?start=0&end=NaN`,
    `/v1/jobs/%00`,
    `/v1/jobs/%ed%a0%80`,
    `/v1/jobs?after=%00`,
    `/v1/jobs?status=evil`,
    `/v1/files?purpose=%00`,
    `/v1/files/%00/content`,
    `/v1/batches?after=%00`,
    `/v1/batches/${'x'.repeat(2000)}`,
    `/v1/search?q=%00`,
    `/v1/search?q=${encodeURIComponent('"'.repeat(900))}&offset=99999999999`,
    `/v1/webhooks/deliveries?job=%00`,
    `/v1/nothing%00`,
  ])('%s', async (path) => {
    const { status, text } = await send('GET', path);
    expect([400, 404], text).toContain(status);
  });

  test('headers that lie', async () => {
    const wrong: Record<string, string>[] = [
      { 'idempotency-key': 'x'.repeat(300) },
      { 'webhook-url': 'http://127.0.0.1/', prefer: 'respond-async' },
      { 'content-length': '9999999999' },
    ];
    for (const headers of wrong) {
      const { status } = await send('POST', CHAT, headers['content-length'] ? '' : chat('x'), headers);
      expect([400, 413, 422]).toContain(status);
    }
    const events = await send('GET', '/v1/jobs/none/events', '', { 'last-event-id': '-1; drop table' });
    expect(events.status).toBe(404);
  });

  test('a batch of hostile lines fails line by line', async () => {
    const line = (custom_id: string, body: unknown) => JSON.stringify({ custom_id, method: 'POST', url: CHAT, body });
    const lines = [
      line('good', { messages: [{ role: 'user', content: 'Hello' }] }),
      line('zero', { messages: [{ role: 'user', content: 'a\0b' }] }),
      line('deep', { messages: [{ role: 'user', content: JSON.parse(deep(2000)) as unknown }] }),
    ];
    const { body, headers } = form(['name="purpose"', 'batch'], ['name="file"; filename="b.jsonl"', lines.join('\n')]);
    const file = JSON.parse((await send('POST', '/v1/files', body, headers)).text) as { id: string };
    const input = { input_file_id: file.id, endpoint: CHAT, completion_window: '24h' };
    const { id } = JSON.parse((await send('POST', '/v1/batches', JSON.stringify(input))).text) as { id: string };
    await expect
      .poll(async () => JSON.parse((await send('GET', `/v1/batches/${id}`)).text) as object, { timeout: 20_000 })
      .toMatchObject({ status: 'completed', request_counts: { total: 3, completed: 1, failed: 2 } });
  });
});

test('a type of body without a body is nothing wrong where none is needed', async () => {
  for (const [method, path] of [
    ['DELETE', `/v1/media/${HASH}`],
    ['DELETE', '/v1/files/none'],
    ['POST', '/v1/batches/none/cancel'],
    ['POST', '/v1/jobs/none/retry'],
  ] as const)
    // prettier-ignore
    expect([path, (await send(method, path)).status]).toEqual([path, 404]);
});

test('the next request is answered as if nothing had been', async () => {
  const { status, text } = await send('POST', CHAT, chat('Hello'));
  expect([status, text]).toEqual([200, expect.stringContaining('Hello')]);
  expect((await send('GET', '/health/ready')).status).toBe(200);
});
