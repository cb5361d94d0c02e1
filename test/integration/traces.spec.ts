import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDecoder, serveDecoder } from '#decoder';
import { askTree } from '#jobs';
import { openTessera } from '#pipeline';
import { beginWork, loadConfig, startTraces } from '#platform';
import { form, PNG, startApi, type TestApi } from '../support/api.js';
import { ROOT } from '../support/cli.js';
import { defaultPack } from '../support/decoder.js';

interface Span {
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  attributes: { key: string; value: Record<string, unknown> }[];
  status?: { code?: number };
}

let collector: Server;
let api: TestApi;
let endpoint: string;
const received: { service: unknown; span: Span }[] = [];

/** A collector that understands OTLP as JSON (https://opentelemetry.io/docs/specs/otlp). */
function take(text: string): void {
  const { resourceSpans } = JSON.parse(text) as {
    resourceSpans: { resource: Pick<Span, 'attributes'>; scopeSpans: { spans: Span[] }[] }[];
  };
  for (const { resource, scopeSpans } of resourceSpans)
    for (const { spans } of scopeSpans)
      for (const span of spans) received.push({ service: valueOf(resource, 'service.name'), span });
}
const valueOf = ({ attributes }: Pick<Span, 'attributes'>, name: string) =>
  Object.values(attributes.find(({ key }) => key === name)?.value ?? {})[0];

beforeAll(async () => {
  collector = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (request.url === '/v1/traces') take(Buffer.concat(chunks).toString());
      response.setHeader('content-type', 'application/json').end('{}');
    });
  });
  await new Promise<void>((done) => collector.listen(0, '127.0.0.1', done));
  endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
  api = await startApi();
});
afterAll(async () => {
  await api.close();
  collector.close();
});

const describePicture = (name: string, headers: Record<string, string> = {}) =>
  fetch(`${api.url}/v1/images/descriptions`, { method: 'POST', body: form({}, [['file', name, PNG]]), headers });

test('without a collector nothing is traced', async () => {
  const stop = await startTraces(undefined, 'test');
  expect((await describePicture('cat.png')).status).toBe(200);
  await stop();
  expect(received).toEqual([]);
});

test('a request, its jobs and what they are made of are one trace, which goes on from its caller’s', async () => {
  const stop = await startTraces(endpoint, 'test');
  const [traceId, caller] = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331'];
  const answered = await describePicture('cat.png', { traceparent: `00-${traceId}-${caller}-01` });
  const job = answered.headers.get('x-job-id');
  const failed = await describePicture('bad.png');
  await fetch(`${api.url}/health/live`);
  await stop();

  const spans = received.map(({ span }) => span).filter((span) => span.traceId === traceId);
  const [request] = spans.filter(({ name }) => name === 'POST /v1/images/descriptions');
  expect(request).toMatchObject({ parentSpanId: caller });
  expect(valueOf(request as Span, 'http.response.status_code')).toBe(200);
  expect(spans.map(({ name }) => name).sort()).toEqual(
    ['POST /v1/images/descriptions', 'answer', 'media.compose', 'media.ingest', 'media.see'].sort(),
  );
  for (const span of spans.filter((each) => each !== request)) {
    expect(span.parentSpanId).toBe(request?.spanId);
    expect(valueOf(span, 'tessera.job')).toBe(job);
    expect(Number(valueOf(span, 'tessera.queued_ms'))).toBeGreaterThanOrEqual(0);
  }
  expect(new Set(received.map(({ service }) => service))).toEqual(new Set(['test']));

  expect(failed.status).toBe(422);
  const others = received.map(({ span }) => span).filter((span) => span.traceId !== traceId);
  expect(others.map(({ name, status }) => [name, status?.code ?? 0])).toContainEqual(['media.ingest', 2]);
  expect(new Set(others.map((span) => span.traceId)).size).toBe(1);
  expect(others.map(({ name }) => name)).not.toContain('GET /health/live');
});

test('a question about a film is one trace down to the encoders, and over gRPC to the phases of the decoder', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-traces-'));
  await chmod(folder, 0o711);
  const { cacheDir } = loadConfig();
  const kv = { kvDir: join(folder, 'kv'), kvMemoryBytes: 256e6, kvDiskBytes: 0 };
  const decoder = await createDecoder({ pack: await defaultPack(), cacheDir, ...kv, threads: 2 });
  const served = await serveDecoder(decoder, { host: '127.0.0.1', port: 0 });
  const env = { TESSERA_DATA_DIR: folder, TESSERA_DECODER_URL: `grpc://${served.address}` };
  const tessera = await openTessera(loadConfig({ ...process.env, ...env }), { private: true });
  const stop = await startTraces(endpoint, 'test');
  const before = received.length;
  const request = beginWork('request');
  const film = { type: 'file' as const, path: join(ROOT, 'samples/talk.mp4'), name: 'talk.mp4' };
  try {
    const id = await request?.within(async () => tessera.jobs.submit(await askTree('What is said about tea?', [film])));
    await tessera.jobs.result(id ?? '');
  } finally {
    request?.end();
    await tessera.close();
    await served.close();
    await stop();
    await decoder.dispose();
    await rm(folder, { recursive: true, force: true });
  }
  const spans = received.slice(before).map(({ span }) => span);
  expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
  const parentsOf = (name: string): (string | undefined)[] => {
    const found = spans.filter((span) => span.name === name);
    expect(found, name).not.toEqual([]);
    return [...new Set(found.map((span) => spans.find(({ spanId }) => spanId === span.parentSpanId)?.name))];
  };
  expect(parentsOf('vision.encode')).toEqual(['media.see']);
  expect(parentsOf('vad')).toEqual(['media.hear']);
  expect(parentsOf('speech.recognise')).toEqual(['media.hear']);
  expect(parentsOf('tessera.v1.Decoder/Generate')).toContain('answer');
  for (const phase of ['prefill', 'select', 'decode'])
    expect(parentsOf(`decoder.${phase}`)).toEqual(['tessera.v1.Decoder/Generate']);
}, 180_000);
