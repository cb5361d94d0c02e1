import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import OpenAI, { BadRequestError, NotFoundError, toFile } from 'openai';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { PNG, startApi, type TestApi } from '../support/api.js';
import { runScript } from '../support/script.js';

/** The official client, unmodified. */
let api: TestApi;
let client: OpenAI;
let other: OpenAI;
let third: OpenAI;
beforeAll(async () => {
  api = await startApi({ TESSERA_AUTH: 'true' });
  const as = async (name: string) => {
    const { secret } = await api.records.createKey({ name });
    return new OpenAI({ baseURL: `${api.url}/v1`, apiKey: secret, maxRetries: 0 });
  };
  [client, other, third] = [await as('ada'), await as('bob'), await as('carol')];
});
afterAll(() => api.close());

const model = 'tessera-nano';
const blobOf = async (id: string) => {
  const { rows } = await api.database.pool.query<{ blob: string }>('select blob from tessera.file where id = $1', [id]);
  return rows[0]?.blob ?? '';
};

describe('files', () => {
  test('come, are listed, read and deleted; the bytes go with the last name for them', async () => {
    const upload = () => toFile(Buffer.from('{"a":1}\n'), 'täglich.jsonl');
    const file = await client.files.create({ file: await upload(), purpose: 'batch' });
    expect(file).toMatchObject({ object: 'file', bytes: 8, filename: 'täglich.jsonl', purpose: 'batch' });
    expect(file.id).toMatch(/^file-[0-9a-f]{24}$/);
    expect(await client.files.retrieve(file.id)).toEqual(file);
    expect(await (await client.files.content(file.id)).text()).toBe('{"a":1}\n');

    const again = await client.files.create({ file: await upload(), purpose: 'user_data' });
    const third = await client.files.create({ file: await toFile(Buffer.from('x'), 'x.txt'), purpose: 'user_data' });
    const ids: string[] = [];
    for await (const each of client.files.list({ limit: 1, order: 'asc' })) ids.push(each.id);
    expect(ids).toEqual([file.id, again.id, third.id]);
    expect((await client.files.list({ purpose: 'user_data' })).data.map(({ id }) => id)).toEqual([third.id, again.id]);

    const blob = await blobOf(file.id);
    expect(await client.files.delete(file.id)).toEqual({ id: file.id, object: 'file', deleted: true });
    expect(existsSync(api.blobs.path(blob))).toBe(true);
    await client.files.delete(again.id);
    expect(existsSync(api.blobs.path(blob))).toBe(false);
    await expect(client.files.retrieve(file.id)).rejects.toBeInstanceOf(NotFoundError);
  });

  test('belong to who brought them', async () => {
    const { id } = await client.files.create({ file: await toFile(PNG, 'cat.png'), purpose: 'vision' });
    const ask = (as: OpenAI) =>
      as.chat.completions.create({
        model,
        messages: [
          {
            role: 'user',
            content: [
              { type: 'file', file: { file_id: id } },
              { type: 'text', text: 'What?' },
            ],
          },
        ],
      });
    expect((await ask(client)).choices[0]?.message.content).toBe('What? ← cat.png');
    await expect(ask(other)).rejects.toMatchObject({ status: 404, code: 'file_not_found' });
    for (const attempt of ['retrieve', 'content', 'delete'] as const)
      await expect(other.files[attempt](id)).rejects.toMatchObject({ status: 404, code: 'file_not_found' });
    expect((await other.files.list()).data).toEqual([]);
    expect((await client.files.retrieve(id)).id).toBe(id);
  });

  test('what is refused leaves no bytes behind', async () => {
    const bytes = Buffer.from('nobody wants these bytes');
    const wrong = client.files.create({ file: await toFile(bytes, 'a.txt'), purpose: 'fine-tune' });
    await expect(wrong).rejects.toBeInstanceOf(BadRequestError);
    await expect(wrong).rejects.toMatchObject({ param: 'purpose', code: 'invalid_request' });
    expect(await api.blobs.has(createHash('sha256').update(bytes).digest('hex'))).toBe(false);
    const empty = client.files.create({ file: await toFile(Buffer.alloc(0), 'a.txt'), purpose: 'batch' });
    await expect(empty).rejects.toMatchObject({ status: 422, code: 'empty_file' });
    const medium = new FormData();
    medium.append('file', new Blob([PNG]), 'same.png');
    const kept = await client.files.create({ file: await toFile(PNG, 'same.png'), purpose: 'vision' });
    const blob = await blobOf(kept.id);
    const headers = { authorization: `Bearer ${client.apiKey}` };
    await fetch(`${api.url}/v1/media`, { method: 'POST', body: medium, headers });
    await fetch(`${api.url}/v1/media/${blob}`, { method: 'DELETE', headers });
    expect(await api.blobs.has(blob)).toBe(true);
  });
});

const text = (content: string, more: object = {}) => ({ model, messages: [{ role: 'user', content }], ...more });
const withFile = (filename: string) => ({
  model,
  messages: [
    { role: 'user', content: [{ type: 'file', file: { filename, file_data: 'data:text/plain;base64,d29yZHM=' } }] },
  ],
});

async function createBatch(
  as: OpenAI,
  bodies: object[],
  endpoint: '/v1/chat/completions' | '/v1/questions' = '/v1/chat/completions',
  lines = bodies.map((body, i) => JSON.stringify({ custom_id: `line-${i}`, method: 'POST', url: endpoint, body })),
) {
  const file = await as.files.create({
    file: await toFile(Buffer.from(lines.join('\n')), 'in.jsonl'),
    purpose: 'batch',
  });
  return as.batches.create({
    input_file_id: file.id,
    endpoint: endpoint as '/v1/chat/completions',
    completion_window: '24h',
    metadata: { night: 'yes' },
  });
}

async function untilEnded(as: OpenAI, id: string, timeout = 20_000): Promise<OpenAI.Batch> {
  const ended = ['completed', 'failed', 'cancelled', 'expired'];
  await expect.poll(async () => ended.includes((await as.batches.retrieve(id)).status), { timeout }).toBe(true);
  return as.batches.retrieve(id);
}

interface OutputLine {
  custom_id: string;
  response: { status_code: number; request_id: string; body: Record<string, unknown> } | null;
  error: { code: string } | null;
}

async function readLines(as: OpenAI, id: string | null | undefined): Promise<OutputLine[]> {
  const content = await (await as.files.content(String(id))).text();
  return content
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as OutputLine);
}

describe('batches', () => {
  test('every line is answered or says why not', async () => {
    const created = await createBatch(client, [
      text('Zero', { temperature: 0.5, seed: 7 }),
      withFile('cat.txt'),
      withFile('bad.txt'),
      text('No such model', { model: 'gpt-9' }),
      text('Two choices', { n: 2 }),
      { model, messages: [] },
      text('Six'),
    ]);
    expect(created).toMatchObject({ object: 'batch', endpoint: '/v1/chat/completions', metadata: { night: 'yes' } });
    expect(created.id).toMatch(/^batch_[0-9a-f]{24}$/);
    expect(Number(created.expires_at) - created.created_at).toBe(24 * 3600);

    const batch = await untilEnded(client, created.id);
    expect(batch).toMatchObject({ status: 'completed', errors: null });
    expect(batch.request_counts).toEqual({ total: 7, completed: 3, failed: 4 });
    const { in_progress_at: began, finalizing_at: read, completed_at: ended } = batch;
    expect([began, read, ended].map((at) => Number(at) >= created.created_at)).toEqual([true, true, true]);

    const output = await readLines(client, batch.output_file_id);
    expect(output.map(({ custom_id }) => custom_id)).toEqual(['line-0', 'line-1', 'line-6']);
    const [zero, cat] = output;
    expect(zero).toMatchObject({ error: null, response: { status_code: 200 } });
    expect(zero?.response?.body).toMatchObject({
      object: 'chat.completion',
      model,
      choices: [{ message: { role: 'assistant', content: 'Zero ← nothing' }, finish_reason: 'stop' }],
      usage: { total_tokens: 13 },
    });
    expect(JSON.stringify(cat?.response?.body)).toContain('cat.txt');

    const errors = await readLines(client, batch.error_file_id);
    const codes = errors.map(({ custom_id, response, error }) => [
      custom_id,
      response?.status_code,
      (response?.body['error'] as { code: string } | undefined)?.code,
      error,
    ]);
    expect(codes).toEqual([
      ['line-2', 422, 'corrupt_media', null],
      ['line-3', 404, 'model_not_found', null],
      ['line-4', 400, 'invalid_request', null],
      ['line-5', 400, 'invalid_request', null],
    ]);
    expect(await client.files.retrieve(String(batch.output_file_id))).toMatchObject({ purpose: 'batch_output' });

    const { rows } = await api.database.pool.query('select priority, root from tessera_queue.tree where id = $1', [
      zero?.response?.request_id,
    ]);
    expect(rows).toEqual([{ priority: 'batch', root: 'answer' }]);
    const left = await api.database.pool.query('select 1 from tessera.batch_line where batch = $1', [batch.id]);
    expect(left.rows).toEqual([]);
    await client.files.delete(batch.input_file_id);
  });

  test('questions', async () => {
    const bodies = Array.from({ length: 30 }, (_, i) => ({
      question: `Question ${i}?`,
      urls: ['https://example.com/a.jpg'],
    }));
    const batch = await untilEnded(client, (await createBatch(client, bodies, '/v1/questions')).id);
    expect(batch).toMatchObject({ status: 'completed', request_counts: { total: 30, completed: 30, failed: 0 } });
    expect(batch.error_file_id).toBeNull();
    const output = await readLines(client, batch.output_file_id);
    expect(output.map(({ response }) => response?.body['answer'])).toEqual(
      bodies.map(({ question }) => `${question} ← https://example.com/a.jpg`),
    );
  });

  test('an input that is no batch fails as a whole, with every fault', async () => {
    const line = (custom_id: string, more: object = {}) =>
      JSON.stringify({ custom_id, method: 'POST', url: '/v1/chat/completions', body: text('a'), ...more });
    const lines = [
      line('a'),
      '',
      '{"custom_id":',
      line('b', { url: '/v1/questions' }),
      line('c', { method: 'GET' }),
      line('a'),
    ];
    const created = await createBatch(client, [], '/v1/chat/completions', lines);
    const batch = await untilEnded(client, created.id);
    expect(batch).toMatchObject({ status: 'failed', output_file_id: null, request_counts: { total: 0 } });
    expect(batch.errors?.data?.map(({ line: at, code, param }) => [at, code, param])).toEqual([
      [3, 'invalid_json_line', null],
      [4, 'mismatched_url', 'url'],
      [5, 'invalid_line', 'method'],
      [6, 'duplicate_custom_id', 'custom_id'],
    ]);
    const empty = await createBatch(client, [], '/v1/chat/completions', [' ', '\r']);
    expect((await untilEnded(client, empty.id)).errors?.data).toMatchObject([{ code: 'empty_file' }]);
  });

  test('cancelled: running lines stop, what was answered stays', async () => {
    const bodies = [text('One'), text('Two'), ...Array.from({ length: 20 }, (_, i) => withFile(`slow ${i}.txt`))];
    const created = await createBatch(client, bodies);
    const counts = async () => (await client.batches.retrieve(created.id)).request_counts?.completed;
    await expect.poll(counts, { timeout: 10_000 }).toBe(2);
    const running = () => api.seen.started.filter((name) => name.startsWith('slow')).sort();
    await expect.poll(() => running().length, { timeout: 5_000 }).toBeGreaterThan(0);
    await expect(client.files.delete(created.input_file_id)).rejects.toMatchObject({ status: 409, code: 'conflict' });

    expect((await client.batches.cancel(created.id)).status).toBe('cancelling');
    const batch = await untilEnded(client, created.id, 5_000);
    expect(batch).toMatchObject({ status: 'cancelled', request_counts: { total: 22, completed: 2, failed: 0 } });
    expect(await readLines(client, batch.output_file_id)).toHaveLength(2);
    const errors = await readLines(client, batch.error_file_id);
    expect(errors).toHaveLength(20);
    expect(new Set(errors.map(({ response, error }) => [response, error?.code].join()))).toEqual(
      new Set([',batch_cancelled']),
    );
    await expect
      .poll(() => running().filter((name) => !api.seen.aborted.includes(name)), { timeout: 3_000 })
      .toEqual([]);
    expect(await api.jobs.count(['queued', 'running'])).toBe(0);
    await expect(client.batches.cancel(created.id)).rejects.toMatchObject({ status: 409, code: 'conflict' });
  });

  test('one that waits for its turn is cancelled at once; who has none at work comes first', async () => {
    const create = (as: OpenAI, name: string) => createBatch(as, [withFile(`slow ${name}.txt`)]);
    const atWork: OpenAI.Batch[] = [];
    for (let i = 0; i < 4; i++) atWork.push(await create(client, `first ${i}`));
    const statusOf = async (as: OpenAI, { id }: OpenAI.Batch) => (await as.batches.retrieve(id)).status;
    const statuses = () => Promise.all(atWork.map((batch) => statusOf(client, batch)));
    await expect.poll(statuses, { timeout: 10_000 }).toEqual(atWork.map(() => 'in_progress'));
    const [waiting, next, theirs] = [await create(client, 'a'), await create(client, 'b'), await create(third, 'c')];
    await client.batches.cancel(waiting.id);
    await untilEnded(client, waiting.id, 4_000);
    expect(await statusOf(client, waiting)).toBe('cancelled');
    expect(await statusOf(client, next)).toBe('validating');

    await client.batches.cancel(String(atWork[0]?.id));
    await expect.poll(() => statusOf(third, theirs), { timeout: 10_000 }).toBe('in_progress');
    expect(await statusOf(client, next)).toBe('validating');
    for (const batch of [...atWork.slice(1), next]) await client.batches.cancel(batch.id);
    await third.batches.cancel(theirs.id);
    for (const batch of [...atWork, next]) await untilEnded(client, batch.id);
    await untilEnded(third, theirs.id);
  });

  test('a connection that is lost is no answer: the line is taken up again', async () => {
    const lost = () => Promise.reject(new Error('Connection terminated unexpectedly'));
    const waits = vi.spyOn(api.jobs, 'result').mockImplementationOnce(lost);
    const queues = vi.spyOn(api.jobs, 'submit').mockImplementationOnce(lost);
    const created = await createBatch(client, [text('One'), text('Two'), withFile('bad.txt'), withFile('flaky.txt')]);
    const lapse = 'update tessera.batch set lease_until = now() where id = $1 and lease_until is not null';
    await expect.poll(() => queues.mock.calls.length, { timeout: 10_000 }).toBeGreaterThan(0);
    const completed = async () => {
      await sleep(1_000);
      // Nobody keeps it: the end of its lease need not be waited for.
      await api.database.pool.query(lapse, [created.id]);
      return (await client.batches.retrieve(created.id)).status;
    };
    await expect.poll(completed, { timeout: 40_000, interval: 100 }).toBe('completed');
    expect(waits.mock.calls.length).toBeGreaterThan(4);
    vi.restoreAllMocks();
    const batch = await client.batches.retrieve(created.id);
    expect(batch.request_counts).toEqual({ total: 4, completed: 3, failed: 1 });
    const [bad] = await readLines(client, batch.error_file_id);
    expect(bad?.response).toMatchObject({ status_code: 422, body: { error: { code: 'corrupt_media' } } });
  });

  test('a batch whose time is over ends with what it has', async () => {
    const { id } = await createBatch(client, [text('One'), withFile('slow last.txt')]);
    const counts = async () => (await client.batches.retrieve(id)).request_counts?.completed;
    await expect.poll(counts, { timeout: 10_000 }).toBe(1);
    await api.database.pool.query('update tessera.batch set expires_at = now() where id = $1', [id]);
    const batch = await untilEnded(client, id);
    expect(batch).toMatchObject({ status: 'expired', request_counts: { total: 2, completed: 1, failed: 0 } });
    expect(batch.expired_at).toBeGreaterThanOrEqual(batch.created_at);
    expect((await readLines(client, batch.error_file_id)).map(({ error }) => error?.code)).toEqual(['batch_expired']);
    await expect.poll(() => api.seen.aborted, { timeout: 3_000 }).toContain('slow last.txt');
  });

  test('what is no request for a batch is refused at once', async () => {
    const create = (more: object) =>
      client.batches.create({
        input_file_id: 'file-0',
        endpoint: '/v1/chat/completions',
        completion_window: '24h',
        ...more,
      });
    await expect(create({})).rejects.toMatchObject({ status: 404, code: 'file_not_found', param: 'input_file_id' });
    await expect(create({ endpoint: '/v1/embeddings' })).rejects.toMatchObject({ status: 400, param: 'endpoint' });
    await expect(create({ completion_window: '1h' })).rejects.toMatchObject({
      status: 400,
      param: 'completion_window',
    });
    const { id } = await client.files.create({ file: await toFile(PNG, 'a.png'), purpose: 'vision' });
    await expect(create({ input_file_id: id })).rejects.toMatchObject({ status: 400, param: 'input_file_id' });
  });

  test('belong to who made them', async () => {
    await createBatch(client, [text('Mine')]);
    await createBatch(client, [text('Mine')]);
    const { id, input_file_id } = await createBatch(client, [text('Mine')]);
    for (const attempt of ['retrieve', 'cancel'] as const)
      await expect(other.batches[attempt](id)).rejects.toMatchObject({ status: 404, code: 'not_found' });
    const theft = other.batches.create({ input_file_id, endpoint: '/v1/chat/completions', completion_window: '24h' });
    await expect(theft).rejects.toMatchObject({ status: 404, code: 'file_not_found' });
    expect((await other.batches.list()).data).toEqual([]);
    const mine: string[] = [];
    for await (const batch of client.batches.list({ limit: 2 })) mine.push(batch.id);
    expect(mine[0]).toBe(id);
    expect(new Set(mine).size).toBe(mine.length);
    expect(mine.length).toBeGreaterThanOrEqual(3);
    await untilEnded(client, id);
  });

  test('a process that is killed in the middle loses nothing, and nothing is answered twice', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tessera-batch-'));
    chmodSync(folder, 0o711);
    const serve = async () => {
      const script = runScript(new URL('../support/scripts/serve-api.ts', import.meta.url), [], {
        TESSERA_DATA_DIR: folder,
        TESSERA_ANSWER_JOBS: '2',
      });
      const baseURL = `${await script.line()}/v1`;
      return { script, client: new OpenAI({ baseURL, apiKey: 'none', maxRetries: 0 }) };
    };
    const first = await serve();
    const bodies = Array.from({ length: 120 }, (_, i) => withFile(`work ${i}.txt`));
    const { id } = await createBatch(first.client, bodies);
    const completed = async (as: OpenAI) => (await as.batches.retrieve(id)).request_counts?.completed ?? 0;
    await expect.poll(() => completed(first.client), { timeout: 20_000 }).toBeGreaterThan(5);
    first.script.child.kill('SIGKILL');
    expect(await first.script.ended).toBe('SIGKILL');

    const second = await serve();
    const before = await completed(second.client);
    expect(before).toBeGreaterThan(5);
    expect(before).toBeLessThan(120);
    const batch = await untilEnded(second.client, id, 60_000);
    expect(batch).toMatchObject({ status: 'completed', request_counts: { total: 120, completed: 120, failed: 0 } });
    const output = await readLines(second.client, batch.output_file_id);
    expect(output.map(({ custom_id }) => custom_id)).toEqual(bodies.map((_, i) => `line-${i}`));
    const jobs = await (await fetch(`${second.client.baseURL}/jobs?limit=100`)).json();
    expect((jobs as { data: { status: string }[] }).data.every(({ status }) => status === 'completed')).toBe(true);
    expect(new Set(output.map(({ response }) => response?.request_id)).size).toBe(120);
    second.script.child.stdin?.write('close\n');
    expect(await second.script.ended).toBe(0);
    rmSync(folder, { recursive: true, force: true });
  });
});
