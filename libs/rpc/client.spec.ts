import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { TesseraError } from '#contracts';
import { DecoderRpc } from './client.js';
import type { DecoderHandlers } from './generated/tessera/v1/Decoder.js';
import type { GenerateRequest } from './generated/tessera/v1/GenerateRequest.js';
import { Decoder } from './proto.js';
import { serveRpc, type RpcServer } from './server.js';
import { service, type Methods } from './service.js';

const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

/** Begins to answer and never ends. */
const endless: Methods<DecoderHandlers>['Generate'] = async function* (_request, { signal }) {
  yield { token: { text: 'Salt' } };
  await once(signal, 'abort');
};

async function serve(generate: Methods<DecoderHandlers>['Generate'], port = 0): Promise<RpcServer> {
  const methods = { Generate: generate, CountTokens: async () => ({}), Stats: async () => ({}) };
  const server = await serveRpc('127.0.0.1', port, [service<DecoderHandlers>(Decoder.service, methods)]);
  open.push(() => server.close());
  return server;
}

function connect(address: string): DecoderRpc {
  const rpc = new DecoderRpc(`grpc://${address}`, { timeoutMs: 30_000 });
  open.push(() => rpc.close());
  return rpc;
}

async function answer(rpc: DecoderRpc, request: GenerateRequest = {}, signal?: AbortSignal, begun?: () => void) {
  let text = '';
  for await (const { token } of rpc.generate(request, signal)) {
    text += token?.text ?? '';
    begun?.();
  }
  return text;
}

test('an answer that its decoder cuts off because it leaves is worth another try', async () => {
  const server = await serve(endless);
  const leave = (): void => void server.close(50);
  await expect(answer(connect(server.address), {}, undefined, leave)).rejects.toMatchObject({
    code: 'decoder_failed',
    transient: true,
  });
});

test('so is one that the decoder itself calls cancelled', async () => {
  const server = await serve(async function* () {
    yield {};
    throw new TesseraError('cancelled', 'The decoder was shut down.');
  });
  await expect(answer(connect(server.address))).rejects.toMatchObject({
    code: 'decoder_failed',
    message: expect.stringMatching(/ failed: The decoder was shut down\.$/) as string,
  });
});

test('one that its caller gives up is cancelled', async () => {
  const server = await serve(endless);
  const caller = new AbortController();
  const given = answer(connect(server.address), {}, caller.signal, () => caller.abort());
  await expect(given).rejects.toMatchObject({ code: 'cancelled' });
});

test('a timeline of megabytes waits for its decoder like a short one', async () => {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  await new Promise((closed) => probe.close(closed));

  const long: GenerateRequest = { prefix: [{ text: { text: 'x'.repeat(3e6) } }] };
  const given = answer(connect(`127.0.0.1:${port}`), long);
  await Promise.race([given, sleep(300)]);
  await serve(async function* ({ prefix }) {
    yield { token: { text: String(prefix[0]?.text?.text?.length) } };
  }, port);
  expect(await given).toBe('3000000');
});
