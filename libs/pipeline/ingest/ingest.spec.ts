import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { JobContext } from '#jobs';
import { loadConfig } from '#platform';
import type { Stage } from '../context.js';
import { ingest } from './ingest.js';

let server: Server;
let asked = 0;
beforeAll(async () => {
  server = createServer((_, response) => {
    asked++;
    setTimeout(() => response.setHeader('content-type', 'text/plain').end('The bridge was opened in 1884.'), 50);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => void server.close());

/** As far as a URL is read into it. */
function stage(withdraw: (id: string, seconds: number) => void = () => undefined): Stage {
  return {
    config: loadConfig({ TESSERA_ALLOW_PRIVATE_URLS: 'true', TESSERA_RESULT_TTL: '60' }),
    blobs: { put: () => Promise.resolve({ id: 'a'.repeat(64) }) },
    records: {
      getArtifact: () => Promise.resolve(undefined),
      putArtifact: () => Promise.resolve(),
      unnamed: {
        announce: () => Promise.resolve(),
        withdraw: async (id: string, seconds: number) => withdraw(id, seconds),
      },
    },
  } as unknown as Stage;
}

const context = { emit: () => undefined, signal: new AbortController().signal } as unknown as JobContext;

it('fetches once what two want at the same moment', async () => {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/notes.txt`;
  const withdrawn: [string, number][] = [];
  const here = stage((...of) => withdrawn.push(of));
  const read = (): Promise<unknown> => ingest(here, { source: { type: 'url', url, name: 'notes.txt' } }, context);
  const [one, other] = await Promise.all([read(), read()]);
  expect(asked).toBe(1);
  expect(one).toEqual(other);
  // What lies there may be another thing later.
  await read();
  expect(asked).toBe(2);
  // Nobody has it: it goes some time after the results do.
  expect(withdrawn).toEqual(Array.from({ length: 2 }, () => ['a'.repeat(64), 3600]));
});
