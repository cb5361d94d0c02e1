import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { WorkerClient } from './client.js';
import { COMPUTING } from './priority.js';

const SERVE = new URL('./serve.js', import.meta.url).href.replace(/\.js$/, '.ts');
const CONTRACTS = new URL('../../contracts/errors.js', import.meta.url).href.replace(/\.js$/, '.ts');
const WORKER = `
import { moved, serveWorker } from '${SERVE}';
import { TesseraError } from '${CONTRACTS}';
import { readFileSync } from 'node:fs';
let calls = 0;
serveWorker({
  // The nineteenth field, counted from behind the thread's name.
  async niceness() { return moved(Number(readFileSync('/proc/thread-self/stat', 'utf8').split(') ')[1]?.split(' ')[16]), []); },
  async count() { return moved(++calls, []); },
  async double(values: Float32Array<ArrayBuffer>) {
    const doubled = values.map((value) => value * 2);
    return moved(doubled, [doubled.buffer]);
  },
  async wait(ms: number) { await new Promise((wake) => setTimeout(wake, ms)); return moved(ms, []); },
  async refuse() { throw new TesseraError('invalid_request', 'No.', { param: 'x' }); },
  async fail() { throw new RangeError('too far'); },
  async crash() { setTimeout(() => { throw new Error('out of the blue'); }); return new Promise<never>(() => {}); },
});
`;

let folder: string;
let client: WorkerClient;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-workers-'));
  await writeFile(join(folder, 'worker.ts'), WORKER);
});
afterAll(() => rm(folder, { recursive: true }));
beforeEach(() => {
  client = new WorkerClient(pathToFileURL(join(folder, 'worker.js')), { name: 'test' });
});
afterEach(() => client.dispose());

describe('WorkerClient', () => {
  it.runIf(process.platform === 'linux')('computes behind the threads that answer', async () => {
    const own = getPriority();
    expect(await client.call('niceness', undefined)).toBe(Math.min(19, Math.max(own, COMPUTING)));
    expect(getPriority()).toBe(own);
  });

  it('calls methods in order and moves buffers', async () => {
    const calls = Array.from({ length: 5 }, () => client.call('count', undefined));
    expect(await Promise.all(calls)).toEqual([1, 2, 3, 4, 5]);
    const values = Float32Array.of(1, 2);
    expect(await client.call('double', values, { transfer: [values.buffer] })).toEqual(Float32Array.of(2, 4));
    expect(values).toHaveLength(0);
  });

  it('brings errors over with code and message, others with their stack as the cause', async () => {
    await expect(client.call('refuse', undefined)).rejects.toMatchObject({
      code: 'invalid_request',
      message: 'No.',
      param: 'x',
    });
    await expect(client.call('fail', undefined)).rejects.toMatchObject({
      code: 'internal',
      cause: { message: expect.stringContaining('RangeError: too far') },
    });
    await expect(client.call('none', undefined)).rejects.toMatchObject({ code: 'internal' });
    await expect(client.call('count', () => 1)).rejects.toMatchObject({ code: 'internal' });
    expect(await client.call('count', undefined)).toBe(1);
  });

  it('cancels a call that waits without the worker ever hearing of it', async () => {
    const abort = new AbortController();
    const first = client.call('wait', 50);
    const cancelled = client.call('count', undefined, { signal: abort.signal });
    abort.abort();
    await expect(cancelled).rejects.toMatchObject({ code: 'cancelled' });
    expect(await first).toBe(50);
    expect(await client.call('count', undefined)).toBe(1);
  });

  it('rejects what is pending when the worker dies, then starts another', async () => {
    await client.call('count', undefined);
    const pending = [client.call('crash', undefined), client.call('count', undefined)];
    const results = await Promise.allSettled(pending);
    expect(results).toMatchObject(
      Array(2).fill({ reason: { code: 'model_failed', message: expect.stringContaining('out of the blue') } }),
    );
    expect(client.generation).toBe(1);
    expect(await client.call('count', undefined)).toBe(1);
  });

  it('lets the running call end when it is disposed', async () => {
    const pending = [client.call('wait', 100), client.call('count', undefined)];
    const settled = Promise.allSettled(pending);
    await Promise.all([client.dispose(), client.dispose()]);
    expect(await settled).toMatchObject(Array(2).fill({ reason: { code: 'cancelled' } }));
    await expect(client.call('count', undefined)).rejects.toMatchObject({ code: 'cancelled' });
  });
});
