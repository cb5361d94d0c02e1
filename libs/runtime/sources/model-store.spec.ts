import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ModelFile } from '#contracts';
import { moduleProgram } from '../workers/spawn.js';
import { ModelStore } from './model-store.js';

const CONTENT = randomBytes(300_000);
const SHA = createHash('sha256').update(CONTENT).digest('hex');

const modelFile = (...sources: string[]): ModelFile => ({
  name: 'm.onnx',
  sources,
  bytes: CONTENT.length,
  sha256: SHA,
  licence: 'Apache-2.0',
});
const HF = modelFile('hf:owner/repo@abc/dir/m.onnx');

let folder: string;
let server: Server;
let url: string;
let requests: IncomingMessage[];
let answer: (request: IncomingMessage, response: ServerResponse) => void;

/** Serves CONTENT as a hub does, with Range. */
function serve(request: IncomingMessage, response: ServerResponse): void {
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  response.writeHead(from > 0 ? 206 : 200, { 'content-length': CONTENT.length - from });
  response.end(CONTENT.subarray(from));
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-store-'));
  requests = [];
  answer = serve;
  server = createServer((request, response) => {
    requests.push(request);
    answer(request, response);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true });
});

const store = (hub = url) => new ModelStore(folder, { url: hub, token: 'secret' });
/** What lies in the store's folder. */
const left = async () => (await readdir(join(folder, 'models'))).sort();

describe('ModelStore', () => {
  it('fetches from a hub, reports progress and keeps the file by its hash', async () => {
    const received: number[] = [];
    const path = await store().ensure(HF, folder, { onProgress: (bytes) => received.push(bytes) });
    expect(path).toBe(join(folder, 'models', SHA));
    expect(await readFile(path)).toEqual(CONTENT);
    expect(received.at(-1)).toBe(CONTENT.length);
    expect(requests[0]!.url).toBe('/owner/repo/resolve/abc/dir/m.onnx');
    expect(requests[0]!.headers.authorization).toBe('Bearer secret');

    await store().ensure(HF, folder);
    expect(requests).toHaveLength(1);
    expect(await left()).toEqual([SHA]);
  });

  it('goes on where a broken download stopped', async () => {
    answer = (request, response) => {
      answer = serve;
      response.writeHead(200, { 'content-length': CONTENT.length });
      // Time for the client to take it in: what it has not read when the connection breaks is lost.
      response.write(CONTENT.subarray(0, 100_000), () => setTimeout(() => response.destroy(), 500));
    };
    expect(await readFile(await store().ensure(HF, folder))).toEqual(CONTENT);
    expect(requests.map(({ headers }) => headers.range)).toEqual([
      'bytes=0-',
      expect.stringMatching(/^bytes=[1-9]\d+-$/),
    ]);
  });

  it('goes on with the part that an earlier call left', async () => {
    await store().ensure(HF, folder);
    await rm(join(folder, 'models', SHA));
    await writeFile(join(folder, 'models', `${SHA}.part`), CONTENT.subarray(0, 250_000));
    await store().ensure(HF, folder);
    expect(requests.at(-1)!.headers.range).toBe('bytes=250000-');
  });

  it('starts anew where the server knows no Range', async () => {
    await store().ensure(HF, folder);
    await rm(join(folder, 'models', SHA));
    await writeFile(join(folder, 'models', `${SHA}.part`), 'something else');
    answer = (_, response) => response.end(CONTENT);
    expect(await readFile(await store().ensure(HF, folder))).toEqual(CONTENT);
  });

  it('starts anew where what it went on with was something else', async () => {
    await mkdir(join(folder, 'models'));
    await writeFile(join(folder, 'models', `${SHA}.part`), 'version https://git-lfs.github.com/spec/v1');
    expect(await readFile(await store().ensure(HF, folder))).toEqual(CONTENT);
    expect(requests.map(({ headers }) => headers.range)).toEqual(['bytes=42-', 'bytes=0-']);
  });

  it('adds nothing to what another source has left', async () => {
    answer = (request, response) => {
      if (!request.url?.includes('/gone/')) return serve(request, response);
      if (requests.length > 1) return response.writeHead(404).end();
      response.end('version https://git-lfs.github.com/spec/v1');
    };
    const file = modelFile('hf:owner/gone@abc/m.onnx', 'hf:owner/repo@abc/m.onnx');
    expect(await readFile(await store().ensure(file, folder))).toEqual(CONTENT);
    expect(requests.map(({ headers }) => headers.range)).toEqual(['bytes=0-', 'bytes=42-', 'bytes=0-']);
    expect(await left()).toEqual([SHA]);
  });

  it('refuses other bytes, and bytes without end', async () => {
    const wrong = randomBytes(CONTENT.length);
    answer = (_, response) => response.end(wrong);
    await expect(store().ensure(HF, folder)).rejects.toMatchObject({
      code: 'model_hash_mismatch',
      message: expect.stringMatching(
        new RegExp(`m\\.onnx.*expected sha-256 ${SHA}, got ${createHash('sha256').update(wrong).digest('hex')}`),
      ),
    });
    answer = (_, response) => {
      const more = () => response.write(wrong, more);
      more();
    };
    await expect(store().ensure(HF, folder)).rejects.toMatchObject({ code: 'model_hash_mismatch' });
    expect(await left()).toEqual([]);
  });

  it('takes the first source that answers', async () => {
    await writeFile(join(folder, 'local.onnx'), CONTENT);
    const file = modelFile('npm:no-such-package/m.onnx', 'hf:owner/repo@abc/m.onnx', 'file:local.onnx');
    expect(await store().ensure(file, folder)).toBe(join(folder, 'local.onnx'));
    expect(requests).toHaveLength(0);

    answer = (request, response) =>
      request.url?.includes('/gone/') ? response.writeHead(404).end() : serve(request, response);
    await store().ensure(modelFile('hf:owner/gone@abc/m.onnx', 'hf:owner/repo@abc/m.onnx'), folder);
    expect(requests).toHaveLength(2);
  });

  it('says why each source failed', async () => {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
    const file = modelFile('npm:no-such-package/m.onnx', 'hf:owner/repo@abc/m.onnx');
    await expect(store().ensure(file, folder)).rejects.toMatchObject({
      code: 'model_source_unreachable',
      message: expect.stringMatching(
        /m\.onnx could not be got: .*no-such-package.*; http:.*cannot be reached: .*ECONNREFUSED/,
      ),
    });
    expect(await left()).toEqual([]);
  });

  it('stops when it is aborted, and leaves what it has for the next time', async () => {
    const abort = new AbortController();
    answer = (_, response) => {
      response.writeHead(200, { 'content-length': CONTENT.length });
      response.write(CONTENT.subarray(0, 50_000), () => setTimeout(() => abort.abort(), 50));
    };
    await expect(store().ensure(HF, folder, { signal: abort.signal })).rejects.toMatchObject({ code: 'cancelled' });
    expect(await left()).toEqual([`${SHA}.part`]);
  });

  it('notices that a file it knows has changed', async () => {
    const local = join(folder, 'local.onnx');
    await writeFile(local, CONTENT);
    const file = modelFile('file:local.onnx');
    const first = store();
    await first.ensure(HF, folder);
    await first.ensure(file, folder);
    await first.saveStamps();
    await writeFile(local, Buffer.concat([CONTENT.subarray(1), Buffer.from('x')]));
    await utimes(local, new Date(), new Date(Date.now() + 5000));
    await expect(store().ensure(file, folder)).rejects.toMatchObject({ code: 'model_hash_mismatch' });
  });

  it('repairs its own copy when asked to, and only then', async () => {
    const path = await store().ensure(HF, folder);
    await writeFile(path, 'damaged');
    await expect(store().ensure(HF, folder)).rejects.toThrow('`tessera models pull` fetches it again.');
    expect(await store().ensure(HF, folder, { repair: true })).toBe(path);
    expect(await readFile(path)).toEqual(CONTENT);
  });

  it('says which folder it cannot write to', async () => {
    const taken = join(folder, 'taken');
    await writeFile(taken, '');
    await expect(new ModelStore(taken).ensure(HF, folder)).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringContaining('set TESSERA_CACHE_DIR'),
    });
  });

  it.runIf(existsSync('/dev/full'))('says when the disk is full, and asks no second time', async () => {
    await mkdir(join(folder, 'models'));
    await symlink('/dev/full', join(folder, 'models', `${SHA}.part`));
    await expect(store().ensure(HF, folder)).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringContaining('(ENOSPC). Free space there'),
    });
    expect(requests).toHaveLength(1);
  });

  it('fetches once however many ask at once', async () => {
    const stores = Array.from({ length: 5 }, () => store());
    const paths = await Promise.all(stores.map((each) => each.ensure(HF, folder)));
    expect(new Set(paths).size).toBe(1);
    expect(requests).toHaveLength(1);
    expect(await left()).toEqual([SHA]);
  });

  it('is safe in two processes at once', async () => {
    const flags = moduleProgram(new URL('./model-store.js', import.meta.url)).slice(0, -1);
    const module = JSON.stringify(new URL('./model-store.ts', import.meta.url).href);
    const code = `const { ModelStore } = await import(${module});
      const store = new ModelStore(${JSON.stringify(folder)}, { url: ${JSON.stringify(url)} });
      console.log(await store.ensure(${JSON.stringify(HF)}, '/'));`;
    const run = () => promisify(execFile)(process.execPath, [...flags, '--input-type=module', '-e', code]);
    // Slow enough that both are under way.
    answer = (request, response) => setTimeout(() => serve(request, response), 1500);
    const outputs = await Promise.all([run(), run()]);
    expect(outputs.map(({ stdout }) => stdout.trim())).toEqual(Array(2).fill(join(folder, 'models', SHA)));
    expect(requests).toHaveLength(1);
    expect(await left()).toEqual([SHA]);
  });

  it('takes over the lock of a process that died', async () => {
    await store().ensure(HF, folder);
    const lock = join(folder, 'models', `${SHA}.lock`);
    await rm(join(folder, 'models', SHA));
    await mkdir(lock);
    await utimes(lock, new Date(0), new Date(0));
    await store().ensure(HF, folder);
    expect(existsSync(lock)).toBe(false);
  });
});
