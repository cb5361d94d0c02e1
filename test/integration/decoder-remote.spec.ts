import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials, loadPackageDefinition, status, type ServiceError } from '@grpc/grpc-js';
import { loadFileDescriptorSetFromBuffer } from '@grpc/proto-loader';
import { service as healthService } from 'grpc-health-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DecodeEvent, DecodeRequest, Segment } from '#contracts';
import {
  connectDecoder,
  createDecoder,
  serveDecoder,
  type Decoder,
  type LanguageModel,
  type ServedDecoder,
} from '#decoder';
import { Models } from '#pipeline';
import { loadConfig } from '#platform';
import { defaultPack } from '../support/decoder.js';
import { freePort } from '../support/servers.js';

type Done = Extract<DecodeEvent, { type: 'done' }>;

const KEY = 'between us';
const text = (value: string, special = false) => ({ type: 'text' as const, text: value, special });
const segment = (...parts: Segment['parts']): Segment => ({ parts, span: { mediumId: 'a'.repeat(64) }, quote: '' });
const QUESTION = text('\nWhat is written on the wall?<|im_end|>\n<|im_start|>assistant\n', true);
const request = (sampling: DecodeRequest['sampling'] = { maxTokens: 12 }): DecodeRequest => ({
  prefix: [text('<|im_start|>user\nHere is the timeline of a video.\n', true)],
  segments: [
    segment(text('[00:01] The number 7 is written on a red wall.\n')),
    segment({
      type: 'embeddings',
      rows: 16,
      hash: 'picture',
      data: Float32Array.from({ length: 16 * 576 }, (_, i) => Math.sin(i) / 9),
    }),
  ],
  question: [QUESTION],
  prior: [0.5, 0],
  sampling,
});

let folder: string;
let decoder: Decoder;
let served: ServedDecoder;
let remote: LanguageModel;
const connect = (address: string, options: { key?: string; pack?: string; timeoutMs?: number } = {}) =>
  connectDecoder({ url: `grpc://${address}`, key: KEY, pack: decoder.id, timeoutMs: 60_000, ...options });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-kv-'));
  const { cacheDir } = loadConfig();
  const kv = { kvDir: folder, kvMemoryBytes: 256e6, kvDiskBytes: 0 };
  decoder = await createDecoder({ pack: await defaultPack(), cacheDir, ...kv, threads: 2 });
  served = await serveDecoder(decoder, { host: '127.0.0.1', port: 0, key: KEY });
  remote = await connect(served.address);
});
afterAll(async () => {
  await remote.dispose();
  await served.close();
  await decoder.dispose();
  await rm(folder, { recursive: true, force: true });
});

async function answer(by: LanguageModel, what: DecodeRequest): Promise<{ tokens: string; done: Done }> {
  let done: Done | undefined;
  let tokens = '';
  for await (const event of by.generate(what)) {
    if (event.type === 'token') tokens += event.text;
    if (event.type === 'done') done = event;
  }
  return { tokens, done: done! };
}

test('answers over gRPC are those of the decoder itself: text, visual tokens, usage, evidence, log probabilities', async () => {
  // Drafts grow and shrink with their success, and what was drafted in vain adds to evidence: the second answer would differ a little.
  const what = { ...request({ maxTokens: 12, logprobs: 2 }), drafts: false };
  const [there, here] = [await answer(remote, what), await answer(decoder, what)];
  expect(there.done.text).toBe(here.done.text);
  expect(there.tokens).toBe(here.tokens);
  expect(there.done.finishReason).toBe(here.done.finishReason);
  expect(there.done.usage.promptTokens).toBe(here.done.usage.promptTokens);
  there.done.evidence.forEach((share, i) => expect(share).toBeCloseTo(here.done.evidence[i] ?? NaN, 3));
});

test('who asks a decoder elsewhere counts tokens here, at once', async () => {
  const url = `grpc://${served.address}`;
  const models = new Models(await defaultPack(), loadConfig({ ...process.env, TESSERA_DECODER_URL: url, TESSERA_DECODER_KEY: KEY })); // prettier-ignore
  try {
    await models.decoder();
    const count = await models.tokenCounter();
    expect(count('[00:00] The old library.\n')).toBe(decoder.countTokens('[00:00] The old library.\n'));
  } finally {
    await models.dispose();
  }
});

test('errors keep their code and message', async () => {
  const wrong = request({ jsonSchema: { type: 'object', patternProperties: {} } });
  const here = await answer(decoder, wrong).catch((error: Error) => error);
  expect(here).toMatchObject({ code: 'schema_not_supported' });
  await expect(answer(remote, wrong)).rejects.toMatchObject({
    code: 'schema_not_supported',
    message: (here as Error).message,
  });
});

test('a client that aborts, or stops reading, frees its sequence within a step', async () => {
  const long = request({ maxTokens: 4000, stop: [], logitBias: { '2': -100 } });
  const controller = new AbortController();
  const aborted = (async () => {
    for await (const event of remote.generate(long, controller.signal)) if (event.type === 'token') controller.abort();
  })();
  await expect(aborted).rejects.toMatchObject({ code: 'cancelled' });
  for await (const event of remote.generate(long)) if (event.type === 'token') break;
  await expect.poll(async () => (await decoder.stats()).running, { timeout: 1000, interval: 20 }).toBe(0);
});

test('a call has a deadline', async () => {
  const hurried = await connect(served.address, { timeoutMs: 300 });
  const long = request({ maxTokens: 4000, logitBias: { '2': -100 } });
  await expect(answer(hurried, long)).rejects.toMatchObject({ code: 'timeout', transient: true });
  await expect.poll(async () => (await decoder.stats()).running, { timeout: 1000, interval: 20 }).toBe(0);
  await hurried.dispose();
});

test('a decoder that is not there yet is waited for; one that stays away is a transient error', async () => {
  const port = await freePort();
  const early = await connect(`127.0.0.1:${port}`);
  const waiting = answer(early, request());
  await new Promise((resolve) => setTimeout(resolve, 300));
  const late = await serveDecoder(decoder, { host: '127.0.0.1', port, key: KEY });
  expect((await waiting).done.text).not.toBe('');
  await early.dispose();
  await late.close();
  const gone = await connect(`127.0.0.1:${port}`, { timeoutMs: 2000 });
  await expect(answer(gone, request())).rejects.toMatchObject({ transient: true });
  await gone.dispose();
});

test('another key and another pack are refused', async () => {
  const stranger = await connect(served.address, { key: 'another' });
  await expect(answer(stranger, request())).rejects.toMatchObject({ code: 'unauthorized' });
  const other = await connect(served.address, { pack: 'another' });
  await expect(answer(other, request())).rejects.toMatchObject({ code: 'configuration' });
  await stranger.dispose();
  await other.dispose();
});

test('health and reflection answer, and health says when the decoder leaves', async () => {
  const leaving = await serveDecoder(decoder, { host: '127.0.0.1', port: 0 });
  const client = new Client(leaving.address, credentials.createInsecure());
  const { path, requestSerialize, responseDeserialize } = healthService['Check'] as (typeof healthService)[string];
  const check = (name: string): Promise<{ status: string }> =>
    new Promise((resolve, reject) =>
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, { service: name }, (error, response) =>
        error ? reject(error) : resolve(response as unknown as { status: string }),
      ),
    );
  expect(await check('tessera.v1.Decoder')).toEqual({ status: 'SERVING' });
  await expect(check('tessera.v1.Nothing')).rejects.toMatchObject({ code: status.NOT_FOUND });

  const described = await reflect(leaving.address, 'tessera.v1.Decoder');
  const { tessera } = loadPackageDefinition(loadFileDescriptorSetFromBuffer(described)) as unknown as {
    tessera: { v1: { Decoder: { service: object } } };
  };
  expect(Object.keys(tessera.v1.Decoder.service).sort()).toEqual(['CountTokens', 'Generate', 'Stats']);
  client.close();
  await leaving.close();
});

/** The file that defines a symbol, as gRPC's reflection service tells it: a serialised FileDescriptorSet. */
function reflect(address: string, symbol: string): Promise<Buffer> {
  const client = new Client(address, credentials.createInsecure());
  const field = (number: number, bytes: Buffer): Buffer =>
    Buffer.concat([Buffer.from([(number << 3) | 2]), varint(bytes.length), bytes]);
  return new Promise<Buffer>((resolve, reject) => {
    const call = client.makeBidiStreamRequest(
      '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
      (bytes: Buffer) => bytes,
      (bytes: Buffer) => bytes,
    );
    call.on('error', (error: ServiceError) => reject(error));
    call.on('data', (response: Buffer) => {
      // ServerReflectionResponse.file_descriptor_response (4) . file_descriptor_proto (1) is FileDescriptorSet.file (1).
      resolve(lengthDelimited(response, 4));
      call.end();
    });
    // ServerReflectionRequest.file_containing_symbol (4)
    call.write(field(4, Buffer.from(symbol)));
  }).finally(() => client.close());
}

function varint(value: number): Buffer {
  return value < 128 ? Buffer.from([value]) : Buffer.concat([Buffer.from([(value & 127) | 128]), varint(value >> 7)]);
}

/** The bytes of a length-delimited field of a protobuf message. */
function lengthDelimited(message: Buffer, number: number): Buffer {
  let at = 0;
  const readVarint = (): number => {
    for (let value = 0, shift = 0; ; shift += 7) {
      const byte = message[at++] ?? 0;
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const key = readVarint();
    const length = readVarint();
    if (key === ((number << 3) | 2)) return message.subarray(at, at + length);
    at += length;
  }
  throw new Error(`field ${number} is missing`);
}

test('of several decoders, one that is away is left out, and it is asked again when it is back', async () => {
  const counting = () => {
    let calls = 0;
    const generate: Decoder['generate'] = (what, signal) => (calls++, decoder.generate(what, signal));
    const model: Decoder = Object.assign(Object.create(decoder) as Decoder, { generate });
    return { model, calls: () => calls };
  };
  const both = [counting(), counting()];
  const serve = (which: number, port: number) =>
    serveDecoder(both[which]!.model, { host: '127.0.0.1', port, key: KEY });
  const ports = [await freePort(), await freePort()];
  const open = [await serve(0, ports[0]!), await serve(1, ports[1]!)];
  const several = await connect(ports.map((port) => `127.0.0.1:${port}`).join(',grpc://'));
  const ask = async (): Promise<number> => {
    const before = both.map(({ calls }) => calls());
    expect((await answer(several, request({ maxTokens: 2 }))).done.usage.completionTokens).toBeGreaterThan(0);
    return both.findIndex(({ calls }, i) => calls() > before[i]!);
  };
  try {
    const home = await ask();
    expect(await ask()).toBe(home);
    await open[home]!.close();
    expect(await ask()).toBe(1 - home);
    open[home] = await serve(home, ports[home]!);
    await expect.poll(ask, { timeout: 20_000, interval: 500 }).toBe(home);
  } finally {
    await several.dispose();
    await Promise.all(open.map((each) => each.close()));
  }
});
