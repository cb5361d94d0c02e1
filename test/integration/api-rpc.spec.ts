import { credentials, Metadata, status, type ServiceError } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { JobsService, MediaService, type RpcServer } from '#rpc';
import { serveEdgeRpc } from '../../apps/api/rpc/serve.js';
import { PNG, startApi, type TestApi } from '../support/api.js';

let api: TestApi;
let rpc: RpcServer;
let jobs: InstanceType<typeof JobsService>;
let media: InstanceType<typeof MediaService>;
let ada: Metadata;
let bob: Metadata;
let reader: Metadata;

const withKey = (secret: string): Metadata => {
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${secret}`);
  return metadata;
};

beforeAll(async () => {
  api = await startApi({ TESSERA_AUTH: 'true', TESSERA_MAX_JOBS_PER_KEY: '3', TESSERA_RATE_LIMIT: '40' });
  rpc = await serveEdgeRpc(api.app, 0);
  jobs = new JobsService(rpc.address, credentials.createInsecure());
  media = new MediaService(rpc.address, credentials.createInsecure());
  ada = withKey((await api.records.createKey({ name: 'ada' })).secret);
  bob = withKey((await api.records.createKey({ name: 'bob' })).secret);
  reader = withKey((await api.records.createKey({ name: 'reader', scopes: ['read'] })).secret);
});
afterAll(async () => {
  jobs.close();
  media.close();
  await rpc.close();
  await api.close();
});

/** A unary call as a promise. */
const call = <Q, R>(
  send: (request: Q, key: Metadata, done: (error: ServiceError | null, response?: R) => void) => unknown,
  request: Q,
  key: Metadata,
): Promise<R> =>
  new Promise((resolve, reject) =>
    send(request, key, (error, response) => (error ? reject(error) : resolve(response as R))),
  );
type Job = { id: string; result: string };
const get = (id: string, key = ada) => call<object, Job>(jobs.Get.bind(jobs), { id }, key);
const submit = (request: Parameters<typeof jobs.Submit>[0], key = ada) =>
  call<object, Job>(jobs.Submit.bind(jobs), request, key);
const cancel = (id: string, key = ada) => call<object, Job>(jobs.Cancel.bind(jobs), { id }, key);
const failure = (code: status, text = '') => ({ code, details: expect.stringContaining(text) as string });

function upload(
  name: string,
  pieces: Buffer[],
  key = ada,
): Promise<{ id: string; kind: string; bytes: number; name: string }> {
  return new Promise((resolve, reject) => {
    const stream = media.Upload(key, (error, medium) => (error ? reject(error) : resolve(medium!)));
    stream.write({ name, data: pieces[0] ?? Buffer.alloc(0) });
    for (const data of pieces.slice(1)) stream.write({ data });
    stream.end();
  });
}

async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const each of stream) found.push(each);
  return found;
}

test('a medium is brought in pieces, listed, fetched and deleted', async () => {
  const medium = await upload('dot.png', [PNG.subarray(0, 9), PNG.subarray(9)]);
  expect(medium).toMatchObject({ name: 'dot.png', kind: 'image', bytes: PNG.length });
  expect(await call(media.Get.bind(media), { id: medium.id }, reader).catch((error) => error)).toMatchObject(
    failure(status.NOT_FOUND),
  );
  const list = await call(media.List.bind(media), {}, ada);
  expect(list).toMatchObject({ media: [{ id: medium.id }], hasMore: false });
  const parts = await all<{ data: Buffer }>(media.Download({ id: medium.id }, ada));
  expect(Buffer.concat(parts.map(({ data }) => data))).toEqual(PNG);
  await call(media.Delete.bind(media), { id: medium.id }, ada);
  await expect(call(media.Get.bind(media), { id: medium.id }, ada)).rejects.toMatchObject(failure(status.NOT_FOUND));
  expect(await api.blobs.has(medium.id)).toBe(false);
});

test('a question becomes a job, whose events are streamed and whose result is HTTP’s', async () => {
  const { id: medium } = await upload('photo.png', [PNG]);
  const question = { question: 'What is it?', sources: [{ medium }] };
  const job = await submit({ question, idempotencyKey: 'once' });
  expect((await submit({ question, idempotencyKey: 'once' })).id).toBe(job.id);
  await expect(submit({ question: { question: 'Other?' }, idempotencyKey: 'once' })).rejects.toMatchObject(
    failure(status.ALREADY_EXISTS, 'Idempotency-Key'),
  );
  const events = await all<{ id: string; event?: string; state?: string; token?: string }>(
    jobs.Events({ id: job.id }, ada),
  );
  expect(events.at(-1)?.state).toBe('JOB_STATE_COMPLETED');
  const told = events.filter(({ event }) => event === 'token').map(({ token }) => token);
  expect(told.join('')).toBe('What is it? ← photo.png');
  const later = await all<{ id: string }>(jobs.Events({ id: job.id, after: events[1]!.id }, ada));
  expect(later.map(({ id }) => id)).toEqual(events.slice(2).map(({ id }) => id));
  const done = await get(job.id);
  expect(done).toMatchObject({ state: 'JOB_STATE_COMPLETED', kind: 'question', error: null });
  expect(JSON.parse(done.result)).toMatchObject({ question: 'What is it?', answer: 'What is it? ← photo.png' });
});

test('descriptions and transcriptions are jobs too; failures have their code', async () => {
  const { id: medium } = await upload('photo.png', [PNG]);
  const described = await submit({ description: { source: { medium } } });
  const transcribed = await submit({ transcription: { source: { medium }, words: true } });
  await all(jobs.Events({ id: described.id }, ada));
  await all(jobs.Events({ id: transcribed.id }, ada));
  expect(JSON.parse((await get(described.id)).result)).toMatchObject({
    description: expect.stringContaining('describe'),
  });
  expect((await get(transcribed.id)).result).toContain('Ask not');
  const bad = await submit({
    description: { source: { medium: (await upload('bad.png', [PNG, Buffer.from('!')])).id } },
  });
  await all(jobs.Events({ id: bad.id }, ada));
  expect(await get(bad.id)).toMatchObject({ state: 'JOB_STATE_FAILED', error: { code: 'corrupt_media' } });
});

test('texts that no database takes, or that HTTP refuses, are refused', async () => {
  const { id: medium } = await upload('line\nfeed\0.png', [PNG]);
  const { name } = await call<object, { name: string }>(media.Get.bind(media), { id: medium }, ada);
  expect(name).toBe('linefeed.png');
  const source = { medium };
  for (const prompt of ['a\0b', 'x'.repeat(5000)])
    await expect(submit({ description: { source, prompt } })).rejects.toMatchObject(failure(status.INVALID_ARGUMENT));
  await expect(submit({ transcription: { source, language: 'x'.repeat(17) } })).rejects.toMatchObject(failure(status.INVALID_ARGUMENT)); // prettier-ignore
  await expect(get('\0')).rejects.toMatchObject(failure(status.INVALID_ARGUMENT));
});

test('running work is cancelled', async () => {
  const { id: medium } = await upload('slow.png', [PNG, Buffer.from('slow')]);
  const job = await submit({ description: { source: { medium } } });
  expect(await cancel(job.id)).toMatchObject({ state: 'JOB_STATE_CANCELLED', error: { code: 'cancelled' } });
});

test('a tenant sees nothing of another’s; keys, scopes and limits are those of HTTP', async () => {
  const { id: medium } = await upload('mine.png', [PNG, Buffer.from('mine')]);
  const job = await submit({ description: { source: { medium } } });
  const missing = failure(status.NOT_FOUND);
  await expect(get(job.id, bob)).rejects.toMatchObject(missing);
  await expect(cancel(job.id, bob)).rejects.toMatchObject(missing);
  await expect(all(jobs.Events({ id: job.id }, bob))).rejects.toMatchObject(missing);
  await expect(call(media.Get.bind(media), { id: medium }, bob)).rejects.toMatchObject(missing);
  await expect(call(media.Delete.bind(media), { id: medium }, bob)).rejects.toMatchObject(missing);
  await expect(all(media.Download({ id: medium }, bob))).rejects.toMatchObject(missing);
  await expect(submit({ description: { source: { medium } } }, bob)).rejects.toMatchObject(missing);
  expect(await call(media.List.bind(media), {}, bob)).toMatchObject({ media: [] });

  await expect(get(job.id, new Metadata())).rejects.toMatchObject(failure(status.UNAUTHENTICATED));
  await expect(upload('x.png', [PNG], reader)).rejects.toMatchObject(failure(status.PERMISSION_DENIED));
  await expect(submit({})).rejects.toMatchObject(failure(status.INVALID_ARGUMENT, 'work'));
  await expect(submit({ question: { question: '' } })).rejects.toMatchObject(
    failure(status.INVALID_ARGUMENT, 'question'),
  );
  const url = 'https://example.com/a.png';
  await expect(submit({ description: { source: { url }, detail: 'sharp' } })).rejects.toMatchObject(failure(status.INVALID_ARGUMENT, 'detail')); // prettier-ignore
  await expect(submit({ question: { question: 'Who?', sources: [{ url }], detail: 'sharp' } })).rejects.toMatchObject(failure(status.INVALID_ARGUMENT, 'detail')); // prettier-ignore
  await expect(upload('', [PNG])).rejects.toMatchObject(failure(status.INVALID_ARGUMENT, 'name'));

  const much = Array.from({ length: 41 }, () => cancel(job.id, bob).catch((error: ServiceError) => error.code));
  expect(await Promise.all(much)).toContain(status.RESOURCE_EXHAUSTED);
});
