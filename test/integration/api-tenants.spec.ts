import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { form, PNG, startApi, type TestApi } from '../support/api.js';
import { errorOf, json, request } from '../support/http.js';

let api: TestApi;
let ada: string;
let bob: string;
let reader: string;
beforeAll(async () => {
  api = await startApi({
    TESSERA_AUTH: 'true',
    TESSERA_RATE_LIMIT: '30',
    TESSERA_MAX_JOBS_PER_KEY: '3',
    TESSERA_MAX_WAITING: '5',
    TESSERA_WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 1).toString('base64')}`,
    TESSERA_ALLOW_PRIVATE_URLS: 'true',
  });
  ada = (await api.records.createKey({ name: 'ada' })).secret;
  bob = (await api.records.createKey({ name: 'bob' })).secret;
  reader = (await api.records.createKey({ name: 'reader', scopes: ['read'] })).secret;
});
afterAll(() => api.close());

const call = (
  key: string | undefined,
  method: string,
  path: string,
  body?: FormData | object,
  headers: Record<string, string> = {},
) => fetch(api.url + path, request(method, body, headers, key));
const codeOf = async (response: Response) => {
  const { status, code } = await errorOf(response);
  return [status, code];
};
const later = { prefer: 'respond-async' };

describe('keys', () => {
  test('are asked for, everywhere but where health is told', async () => {
    expect(await codeOf(await call(undefined, 'GET', '/v1/models'))).toEqual([401, 'unauthorized']);
    expect(await codeOf(await call('tsk_guess', 'GET', '/v1/models'))).toEqual([401, 'unauthorized']);
    expect((await call(undefined, 'GET', '/health/ready')).status).toBe(200);
    expect((await call(ada, 'GET', '/v1/models')).status).toBe(200);
    expect((await call(undefined, 'GET', '/v1/models', undefined, { 'x-api-key': ada })).status).toBe(200);
  });

  test('are kept as hashes only', async () => {
    const { rows } = await api.database.pool.query<{ all: string }>(
      'select json_agg(k)::text as all from tessera.api_key k',
    );
    for (const secret of [ada, bob, reader]) expect(rows[0]?.all).not.toContain(secret.slice(4));
    expect((await api.records.listKeys()).map(({ name }) => name)).toEqual(['ada', 'bob', 'reader']);
  });

  test('may do what their scopes say', async () => {
    expect((await call(reader, 'GET', '/v1/jobs')).status).toBe(200);
    expect(await codeOf(await call(reader, 'POST', '/v1/questions', { question: 'a' }))).toEqual([403, 'forbidden']);
  });

  test('end when they are revoked', async () => {
    const { id, secret } = await api.records.createKey({ name: 'short' });
    expect(await api.records.revokeKey(id)).toBe(true);
    expect(await api.records.revokeKey(id)).toBe(false);
    expect(await codeOf(await call(secret, 'GET', '/v1/models'))).toEqual([401, 'unauthorized']);
  });
});

describe('what one key brought', () => {
  test('no other key can see, use, change or delete, by any endpoint', async () => {
    const medium = (await json(call(ada, 'POST', '/v1/media', form({}, [['file', 'secret.png', PNG]]))))[
      'id'
    ] as string;
    // The discard port: nobody listens.
    const told = { ...later, 'webhook-url': 'http://127.0.0.1:9/' };
    const job = (await json(call(ada, 'POST', '/v1/questions', { question: 'mine', media: [medium] }, told)))[
      'id'
    ] as string;
    const url = '/v1/questions';
    const line = JSON.stringify({ custom_id: 'a', method: 'POST', url, body: { question: 'mine' } });
    const lines = form({ purpose: 'batch' }, [['file', 'in.jsonl', line]]);
    const file = (await json(call(ada, 'POST', '/v1/files', lines)))['id'] as string;
    const asked = { input_file_id: file, endpoint: url, completion_window: '24h' };
    const batch = (await json(call(ada, 'POST', '/v1/batches', asked)))['id'] as string;
    const deliveries = await json(call(ada, 'GET', '/v1/webhooks/deliveries'));
    const [{ id: delivery }] = deliveries['data'] as unknown as [{ id: string }];
    await expect.poll(async () => (await json(call(ada, 'GET', `/v1/jobs/${job}`)))['status']).toBe('completed');

    const chat = {
      messages: [
        {
          role: 'user',
          content: [
            { type: 'file', file: { file_id: medium } },
            { type: 'text', text: 'a' },
          ],
        },
      ],
    };
    const tries: [string, string, (FormData | object)?][] = [
      ['GET', `/v1/media/${medium}`],
      ['GET', `/v1/media/${medium}/content`],
      ['GET', `/v1/media/${medium}/timeline`],
      ['GET', `/v1/media/${medium}/frame`],
      ['GET', `/v1/media/${medium}/clip?start=0&end=1`],
      ['GET', `/v1/search?like=${medium}`],
      ['DELETE', `/v1/media/${medium}`],
      ['POST', '/v1/questions', { question: 'a', media: [medium] }],
      ['POST', '/v1/questions', form({ question: 'a', media: medium })],
      ['POST', '/v1/images/descriptions', { media: [medium] }],
      ['POST', '/v1/audio/transcriptions', form({ media: medium })],
      ['POST', '/v1/audio/translations', form({ media: medium })],
      ['POST', '/v1/chat/completions', chat],
      ['GET', `/v1/files/${file}`],
      ['GET', `/v1/files/${file}/content`],
      ['DELETE', `/v1/files/${file}`],
      ['POST', '/v1/batches', asked],
      ['GET', `/v1/batches/${batch}`],
      ['POST', `/v1/batches/${batch}/cancel`],
      ['GET', `/v1/jobs/${job}`],
      ['GET', `/v1/jobs/${job}/events`],
      ['DELETE', `/v1/jobs/${job}`],
      ['POST', `/v1/jobs/${job}/retry`],
      ['POST', `/v1/webhooks/deliveries/${delivery}/redeliver`],
    ];
    for (const [method, path, body] of tries)
      expect([path, (await call(bob, method, path, body)).status]).toEqual([path, 404]);
    for (const path of ['/v1/media', '/v1/files', '/v1/batches', '/v1/jobs', '/v1/webhooks/deliveries'])
      expect((await json(call(bob, 'GET', path)))['data']).toEqual([]);
    expect((await call(ada, 'GET', `/v1/media/${medium}`)).status).toBe(200);

    // Every route that takes an id of something of somebody has been tried.
    const { paths } = (await json(call(undefined, 'GET', '/docs/json'))) as unknown as {
      paths: Record<string, object>;
    };
    const withIds = Object.entries(paths).flatMap(([path, verbs]) =>
      Object.keys(verbs).map((verb) => `${verb.toUpperCase()} ${path}`),
    );
    const ids = new RegExp([medium, job, delivery, file, batch].join('|'));
    const tried = tries.map(([method, path]) => `${method} ${path.replace(ids, '{id}').split('?')[0]}`);
    expect(withIds.filter((route) => route.includes('{id}') && !tried.includes(route))).toEqual([]);
  });

  test('the same idempotency key of two callers is two jobs', async () => {
    const ask = (key: string) =>
      json(call(key, 'POST', '/v1/questions', { question: 'same' }, { ...later, 'idempotency-key': 'k' }));
    expect((await ask(ada))['id']).not.toBe((await ask(bob))['id']);
  });

  test('the same bytes of two callers are one blob, which goes with the last of them', async () => {
    const bring = async (key: string) =>
      (await json(call(key, 'POST', '/v1/media', form({}, [['file', 'both.bin', 'both']]))))['id'] as string;
    const id = await bring(ada);
    expect(await bring(bob)).toBe(id);
    await call(ada, 'DELETE', `/v1/media/${id}`);
    expect((await call(bob, 'GET', `/v1/media/${id}/content`)).status).toBe(200);
    await call(bob, 'DELETE', `/v1/media/${id}`);
    expect(await api.blobs.has(id)).toBe(false);
  });
});

describe('too much', () => {
  const slow = (key: string) =>
    call(key, 'POST', '/v1/questions', form({ question: 'a' }, [['files', 'slow.png', PNG]]), later);

  test('unfinished work of one key is refused with 429, of all together with 503, each with Retry-After', async () => {
    const started = [await slow(bob), await slow(bob), await slow(bob)];
    const fourth = await slow(bob);
    expect(fourth.headers.get('retry-after')).toBe('5');
    expect(await codeOf(fourth)).toEqual([429, 'rate_limited']);

    const keys = await Promise.all([1, 2, 3].map((n) => api.records.createKey({ name: `many${n}` })));
    const more = [];
    for (const { secret } of keys) for (let i = 0; i < 3; i++) more.push({ secret, response: await slow(secret) });
    const full = more.filter(({ response }) => response.status === 503);
    expect(full.length).toBeGreaterThan(0);
    expect(full[0]?.response.headers.get('retry-after')).toBe('5');
    expect(await codeOf(full[0]?.response as Response)).toEqual([503, 'overloaded']);
    for (const response of started) await call(bob, 'DELETE', `/v1/jobs/${(await json(response))['id']}`);
    for (const { secret, response } of more)
      if (response.status === 202) await call(secret, 'DELETE', `/v1/jobs/${(await json(response))['id']}`);
  });

  /** Sends until one is refused: on a busy machine the bucket fills up again a little while it is emptied. */
  const untilRefused = async (send: () => Promise<Response>): Promise<{ served: Response[]; refused: Response }> => {
    const served: Response[] = [];
    while (served.length < 200) {
      const response = await send();
      if (response.status === 429) return { served, refused: response };
      served.push(response);
    }
    throw new Error('nothing was refused');
  };

  test('too many requests a minute are refused with 429 and the time to wait', async () => {
    const { secret } = await api.records.createKey({ name: 'eager' });
    const { served, refused } = await untilRefused(() => call(secret, 'POST', '/v1/questions', {}));
    expect(served.length).toBeGreaterThanOrEqual(30);
    expect(new Set(served.map(({ status }) => status))).toEqual(new Set([400]));
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(refused.headers.get('x-ratelimit-limit-requests')).toBe('30');
    expect((await call(secret, 'GET', '/v1/models')).status).toBe(200);
  });

  test('a GET that starts work counts as one, a GET that only reads does not', async () => {
    const { secret } = await api.records.createKey({ name: 'looker' });
    const medium = (await json(call(secret, 'POST', '/v1/media', form({}, [['file', 'a.png', PNG]]))))['id'];
    const { served } = await untilRefused(() => call(secret, 'GET', `/v1/media/${medium}/timeline`));
    expect(served.length).toBeGreaterThanOrEqual(29);
    const { refused } = await untilRefused(() => call(secret, 'GET', `/v1/media/${medium}/frame?t=0.5`));
    expect(await codeOf(refused)).toEqual([429, 'rate_limited']);
    expect((await call(secret, 'GET', `/v1/media/${medium}`)).status).toBe(200);
  });
});
