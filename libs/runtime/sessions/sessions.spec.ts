import { readFile, truncate, writeFile, mkdtemp, rm, cp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSession, SessionHost } from './session-host.js';
import { openSession } from './local-session.js';
import type { OnnxSession } from './session.js';
import { checkFeeds, tensor, type Feeds } from './tensor.js';

/** sum = a + b, product = a · b, all float32 [n, 2]. */
const ARITHMETIC = Buffer.from(
  'CAgSADqLAQoQCgFhCgFiEgNzdW0iA0FkZAoUCgFhCgFiEgdwcm9kdWN0IgNNdWwSAWdaFAoBYRIPCg0IARIJCgMSAW4KAggCWhQKAWISDwoNCAES' +
    'CQoDEgFuCgIIAmIWCgNzdW0SDwoNCAESCQoDEgFuCgIIAmIaCgdwcm9kdWN0Eg8KDQgBEgkKAxIBbgoCCAJCBAoAEBE=',
  'base64',
);
const VISION = fileURLToPath(new URL('../../../encoders/vision/weights/efficientnet-lite2.onnx', import.meta.url));
const pair = (...values: number[]) => tensor('float32', [values.length / 2, 2], Float32Array.from(values));

describe('checkFeeds', () => {
  const inputs = [{ name: 'a', type: 'float32' as const, dims: ['n', 2] }];

  it('names every fault', () => {
    const feeds: Feeds = { b: pair(1, 2) };
    expect(checkFeeds(inputs, feeds)).toEqual(['missing input "a" float32[n, 2]', 'unknown input "b"']);
    expect(checkFeeds(inputs, { a: tensor('int32', [1, 2], new Int32Array(2)) })).toEqual([
      'input "a" float32[n, 2] got int32[1, 2]',
    ]);
    expect(checkFeeds(inputs, { a: tensor('float32', [1, 3], new Float32Array(3)) })).toHaveLength(1);
    expect(checkFeeds(inputs, { a: tensor('float32', [3, 2], new Float32Array(5)) })).toEqual([
      'input "a" float32[n, 2] got float32[3, 2] over 5 elements',
    ]);
    expect(checkFeeds(inputs, { a: pair(1, 2, 3, 4) })).toEqual([]);
  });
});

describe('openSession', () => {
  it('runs in this thread and fills memory of the caller', async () => {
    const session = await openSession({ bytes: ARITHMETIC, name: 'arithmetic' });
    const into = { sum: pair(0, 0) };
    await session.run({ a: pair(1, 2), b: pair(3, 4) }, { outputs: ['sum'], into });
    expect([...into.sum.data]).toEqual([4, 6]);
    await session.dispose();
    await expect(session.run({ a: pair(1, 2), b: pair(3, 4) })).rejects.toMatchObject({ code: 'cancelled' });
  });
});

describe('createSession', () => {
  let session: OnnxSession;
  beforeAll(async () => {
    session = await createSession({ bytes: ARITHMETIC, name: 'arithmetic' });
  });
  afterAll(() => session.dispose());

  it('knows its inputs and outputs', () => {
    expect(session.inputs).toEqual([
      { name: 'a', type: 'float32', dims: ['n', 2] },
      { name: 'b', type: 'float32', dims: ['n', 2] },
    ]);
    expect(session.outputs.map(({ name }) => name)).toEqual(['sum', 'product']);
    expect(session.executionProvider).toBe('cpu');
  });

  it('computes all outputs, or the wanted ones', async () => {
    const { sum, product } = await session.run({ a: pair(1, 2, 3, 4), b: pair(5, 6, 7, 8) });
    expect(sum).toEqual(pair(6, 8, 10, 12));
    expect(product).toEqual(pair(5, 12, 21, 32));
    expect(Object.keys(await session.run({ a: pair(1, 2), b: pair(3, 4) }, { outputs: ['product'] }))).toEqual([
      'product',
    ]);
  });

  it('leaves the feeds alone, unless they are to move', async () => {
    const a = pair(1, 2);
    await session.run({ a, b: a });
    expect(a.data).toHaveLength(2);
    const { sum } = await session.run({ a, b: a }, { transfer: true });
    expect(sum).toEqual(pair(2, 4));
    expect(a.data).toHaveLength(0);
  });

  it('takes views into larger buffers and shared memory', async () => {
    const large = Float32Array.from([9, 9, 1, 2, 9]);
    const a = tensor('float32', [1, 2], large.subarray(2, 4));
    const b = tensor('float32', [1, 2], new Float32Array(new SharedArrayBuffer(8)).fill(1));
    const { sum } = await session.run({ a, b }, { transfer: true });
    expect(sum).toEqual(pair(2, 3));
    expect(large).toHaveLength(5);
  });

  it('names bad inputs, and types and shapes when the model fails', async () => {
    await expect(session.run({ a: pair(1, 2), c: pair(1, 2) })).rejects.toMatchObject({
      code: 'invalid_request',
      message: 'arithmetic: missing input "b" float32[n, 2]; unknown input "c".',
    });
    await expect(session.run({ a: pair(1, 2, 3, 4), b: pair(1, 2, 3, 4, 5, 6) })).rejects.toMatchObject({
      code: 'model_failed',
      message: expect.stringContaining('a float32[2, 2], b float32[3, 2]'),
    });
  });

  it('cancels runs that wait and runs that are under way', async () => {
    const before = AbortSignal.abort();
    await expect(session.run({ a: pair(1, 2), b: pair(3, 4) }, { signal: before })).rejects.toMatchObject({
      code: 'cancelled',
    });
    const abort = new AbortController();
    const first = session.run({ a: pair(1, 2), b: pair(3, 4) });
    const waiting = session.run({ a: pair(1, 2), b: pair(3, 4) }, { signal: abort.signal });
    abort.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'cancelled' });
    expect((await first).sum).toEqual(pair(4, 6));
  });

  it('warns and runs on the CPU where a provider is missing', async () => {
    const heard: string[] = [];
    const onWarning = (message: string) => heard.push(message);
    const other = await createSession({ bytes: ARITHMETIC, name: 'x', executionProviders: ['cann'], onWarning });
    expect(other.executionProvider).toBe('cpu');
    expect(heard).toEqual(other.warnings.map((warning) => `x: ${warning}`));
    expect(heard[0]).toContain('"cann"');
    await other.dispose();
    await other.dispose();
    await expect(other.run({ a: pair(1, 2), b: pair(3, 4) })).rejects.toMatchObject({ code: 'cancelled' });
  });
});

describe('SessionHost', () => {
  it('holds several sessions and answers while one computes', async () => {
    const host = new SessionHost('host');
    const [arithmetic, vision] = await Promise.all([
      host.load({ bytes: ARITHMETIC, name: 'arithmetic' }),
      host.load({ file: VISION, name: 'vision encoder' }),
    ]);
    const pixels = tensor('float32', [1, 3, 256, 256], new Float32Array(3 * 256 * 256));
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    const [{ feature_map }, { sum }] = await Promise.all([
      vision.run({ pixel_values: pixels }, { transfer: true }),
      arithmetic.run({ a: pair(1, 2), b: pair(3, 4) }),
    ]);
    clearInterval(timer);
    expect(feature_map!.dims).toEqual([1, 1280, 8, 8]);
    expect(sum).toEqual(pair(4, 6));
    expect(ticks).toBeGreaterThan(3);
    await arithmetic.dispose();
    await host.dispose();
    await expect(arithmetic.run({ a: pair(1, 2), b: pair(3, 4) })).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('loads its models again after its thread died', async () => {
    const host = new SessionHost('host');
    const load = (name: string) => host.load({ bytes: ARITHMETIC, name });
    const sessions = [await load('one'), await load('another')];
    const stop = () => (host as unknown as { client: { worker: Worker } }).client.worker.terminate();
    const sums = () =>
      Promise.all(
        sessions.flatMap((session, i) =>
          [1, 2].map(async (a) => {
            const { sum } = await session.run({ a: pair(a, a), b: pair(i, i) });
            return sum!.data[0];
          }),
        ),
      );
    await stop();
    expect(await sums()).toEqual([1, 2, 2, 3]);
    await stop();
    expect(await sums()).toEqual([1, 2, 2, 3]);
    await stop();
    await sessions[0]!.dispose();
    const late = sessions[1]!.run({ a: pair(1, 2), b: pair(3, 4) });
    const cancelled = expect(late).rejects.toMatchObject({ code: 'cancelled' });
    await sessions[1]!.dispose();
    await cancelled;
    await host.dispose();
  });

  it('survives being disposed at any moment of a run', async () => {
    const pixels = tensor('float32', [2, 3, 256, 256], new Float32Array(2 * 3 * 256 * 256));
    for (const delay of [0, 1, 5, 15]) {
      const vision = await createSession({ file: VISION, name: 'vision encoder', threads: 2 });
      const pending = vision.run({ pixel_values: pixels });
      const cancelled = expect(pending).rejects.toMatchObject({ code: 'cancelled' });
      await new Promise((wake) => setTimeout(wake, delay));
      await vision.dispose();
      await cancelled;
    }
  });
});

describe('bad model files', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tessera-sessions-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('tells a missing, a truncated and a foreign file', async () => {
    const file = join(folder, 'model.onnx');
    await expect(createSession({ file, name: 'm' })).rejects.toMatchObject({ code: 'model_missing' });
    await cp(VISION, file);
    await truncate(file, (await readFile(file)).length / 2);
    await expect(createSession({ file, name: 'vision encoder' })).rejects.toMatchObject({
      code: 'model_invalid',
      message: expect.stringMatching(/^The model file model\.onnx of the vision encoder cannot be loaded/),
    });
    await writeFile(file, 'not a model');
    await expect(createSession({ file, name: 'm' })).rejects.toMatchObject({ code: 'model_invalid' });
  });
});
