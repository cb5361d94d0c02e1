import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { TesseraError } from '#contracts';
import { beginWork, startTraces } from '#platform';
import { DecoderRpc } from './client.js';
import type { DecoderHandlers } from './generated/tessera/v1/Decoder.js';
import { Decoder } from './proto.js';
import { serveRpc, type RpcServer } from './server.js';
import { service } from './service.js';

interface Span {
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  status: { code?: number };
}

let collector: Server;
let server: RpcServer;
let rpc: DecoderRpc;
const spans: Span[] = [];

beforeEach(async () => {
  collector = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => (text += chunk.toString()));
    request.on('end', () => {
      const { resourceSpans } = JSON.parse(text) as { resourceSpans: { scopeSpans: { spans: Span[] }[] }[] };
      for (const { scopeSpans } of resourceSpans) for (const each of scopeSpans) spans.push(...each.spans);
      response.setHeader('content-type', 'application/json').end('{}');
    });
  });
  await new Promise<void>((done) => collector.listen(0, '127.0.0.1', done));
  const decoder = service<DecoderHandlers>(Decoder.service, {
    async *Generate() {
      yield { token: { text: 'Salt' } };
      throw new TesseraError('overloaded', 'Enough.');
    },
    CountTokens: async ({ text }) => ({ tokens: text.length }),
    Stats: async () => ({}),
  });
  server = await serveRpc('127.0.0.1', 0, [decoder]);
  rpc = new DecoderRpc(`grpc://${server.address}`, { timeoutMs: 5000 });
});
afterEach(async () => {
  rpc.close();
  await server.close();
  collector.close();
});

test('a trace goes on in the process that is called, where it ends with what came of the call', async () => {
  const { port } = collector.address() as AddressInfo;
  const stop = await startTraces(`http://127.0.0.1:${port}`, 'test');
  const caller = beginWork('caller');
  await caller?.within(async () => {
    expect(await rpc.countTokens({ text: 'four' })).toBe(4);
    await expect(async () => {
      for await (const { token } of rpc.generate({})) expect(token?.text).toBe('Salt');
    }).rejects.toMatchObject({ code: 'overloaded', message: 'Enough.' });
  });
  caller?.end();
  await stop();
  const [parent] = spans.filter(({ name }) => name === 'caller');
  const called = spans.filter(({ name }) => name !== 'caller');
  expect(called.map(({ name, status }) => [name, status.code ?? 0])).toEqual([
    ['tessera.v1.Decoder/CountTokens', 0],
    ['tessera.v1.Decoder/Generate', 2],
  ]);
  for (const span of called) expect(span).toMatchObject({ traceId: parent?.traceId, parentSpanId: parent?.spanId });
});
