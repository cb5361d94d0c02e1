import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { safeFetch } from './fetch.js';

let server: Server;
let base: string;
let requests: string[] = [];
const folder = mkdtempSync(join(tmpdir(), 'tessera-fetch-'));

const routes: Record<string, RequestListener> = {
  '/ok': (_request, response) => response.setHeader('content-type', 'image/png').end('picture'),
  '/html': (_request, response) => response.setHeader('content-type', 'text/html; charset=utf-8').end('<html>'),
  '/missing': (_request, response) => response.writeHead(404).end('no'),
  '/to-ok': (_request, response) => response.writeHead(302, { location: '/ok#part' }).end(),
  '/to-metadata': (_request, response) => response.writeHead(301, { location: 'http://169.254.169.254/latest/' }).end(),
  '/to-file': (_request, response) => response.writeHead(307, { location: 'file:///etc/passwd' }).end(),
  '/loop': (_request, response) => response.writeHead(302, { location: '/loop' }).end(),
  '/large': (_request, response) =>
    response.writeHead(200, { 'content-length': 5_000_000 }).end(Buffer.alloc(5_000_000)),
  '/endless': (_request, response) => {
    const more = () => void (response.destroyed || (response.write(Buffer.alloc(10_000)), setImmediate(more)));
    more();
  },
  '/silent': () => undefined,
  '/echo': (request, response) => void request.pipe(response),
};

beforeAll(async () => {
  server = createServer((request, response) => {
    requests.push(request.url ?? '');
    routes[request.url ?? '']?.(request, response);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true });
});

const mine = { allowPrivate: true, maxBytes: 1_000_000 };

test('fetches, follows redirects, hashes', async () => {
  const fetched = await safeFetch(`${base}/to-ok`, { ...mine, types: ['image/'] });
  expect(fetched).toMatchObject({ status: 200, url: `${base}/ok`, contentType: 'image/png', bytes: 7 });
  expect(fetched.body.toString()).toBe('picture');
  expect(fetched.sha256).toBe(createHash('sha256').update('picture').digest('hex'));
});

test('streams to a file, and leaves none when it fails', async () => {
  const file = join(folder, 'a');
  await safeFetch(`${base}/ok`, { ...mine, toFile: file });
  expect(readFileSync(file, 'utf8')).toBe('picture');
  const failed = join(folder, 'b');
  await expect(safeFetch(`${base}/endless`, { ...mine, toFile: failed })).rejects.toMatchObject({
    code: 'file_too_large',
  });
  expect(existsSync(failed)).toBe(false);
});

test('posts a body', async () => {
  const fetched = await safeFetch(`${base}/echo`, { ...mine, method: 'POST', body: 'hello ☺' });
  expect(fetched.body.toString()).toBe('hello ☺');
});

test.each([
  ['/large', 'file_too_large'],
  ['/endless', 'file_too_large'],
  ['/html', 'unsupported_media'],
  ['/missing', 'url_unreachable'],
  ['/loop', 'url_unreachable'],
  ['/silent', 'url_unreachable'],
  ['/to-file', 'url_not_allowed'],
])('%s ends with %s', async (path, code) => {
  await expect(
    safeFetch(base + path, { ...mine, types: ['image/', 'application/'], timeoutMs: 500 }),
  ).rejects.toMatchObject({ code });
});

test('without the permission nothing private is even connected to, by number or by name', async () => {
  requests = [];
  const port = new URL(base).port;
  const resolve = () =>
    Promise.resolve([
      { address: '93.184.216.34', family: 4 },
      { address: '127.0.0.1', family: 4 },
    ]);
  const strict = { maxBytes: 1000, ports: [Number(port)] };
  await expect(safeFetch(`${base}/ok`, strict)).rejects.toMatchObject({ code: 'url_not_allowed' });
  await expect(safeFetch(`http://rebound.example:${port}/ok`, { ...strict, resolve })).rejects.toMatchObject({
    code: 'url_not_allowed',
  });
  expect(requests).toEqual([]);
});

test('a name is resolved once a hop and the connection is pinned to what was checked', async () => {
  let asked = 0;
  const resolve = (host: string) => {
    asked++;
    // A rebinding name server: another answer every time, all but the first unusable.
    return Promise.resolve([
      { address: host === 'pinned.example' && asked === 1 ? '127.0.0.1' : '192.0.2.1', family: 4 },
    ]);
  };
  const fetched = await safeFetch(`http://pinned.example:${new URL(base).port}/ok`, { ...mine, resolve });
  expect(fetched.body.toString()).toBe('picture');
  expect(asked).toBe(1);
});

test('a redirect is checked like the first URL', async () => {
  // The first hop is let through by name; the second is judged by the same rules.
  const hops = safeFetch(`${base}/to-metadata`, { ...mine, domains: ['127.0.0.1'] });
  await expect(hops).rejects.toMatchObject({ code: 'url_not_allowed' });
});

test('the caller can cancel, also while DNS hangs', async () => {
  const abort = new AbortController();
  setTimeout(() => abort.abort(), 30);
  await expect(safeFetch(`${base}/silent`, { ...mine, signal: abort.signal })).rejects.toMatchObject({
    code: 'cancelled',
  });
  const hanging = safeFetch('http://slow.example/', {
    ...mine,
    timeoutMs: 50,
    resolve: () => new Promise(() => undefined),
  });
  await expect(hanging).rejects.toMatchObject({ code: 'url_unreachable' });
});

test('a closed port and an unknown host are unreachable', async () => {
  await expect(safeFetch('http://127.0.0.1:9/', mine)).rejects.toMatchObject({ code: 'url_unreachable' });
  await expect(safeFetch('http://no-such-host.invalid/', mine)).rejects.toMatchObject({ code: 'url_unreachable' });
});
