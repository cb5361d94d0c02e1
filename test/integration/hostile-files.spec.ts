import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ERRORS } from '#contracts';
import { ROOT } from '../support/cli.js';
import { hostileCorpus } from '../support/hostile/corpus.js';
import type { HostileFile } from '../support/hostile/hostile-file.js';
import { mediaFolder } from '../support/media.js';
import { startService, type Service } from '../support/service.js';

const SECRET = 'the-secret-of-the-server-4711';
const AT_ONCE = 4;
/** Nothing of a file this small may take longer, on a busy machine either. */
const PATIENCE_MS = 45_000;

const folder = mediaFolder('hostile');
let service: Service;
let beacon: Server;
let called: string[];
let corpus: Record<string, HostileFile[]>;

beforeAll(async () => {
  called = [];
  beacon = createServer((request, response) => {
    called.push(String(request.url));
    response.end(SECRET);
  });
  await new Promise<void>((done) => beacon.listen(0, '127.0.0.1', done));
  const victim = folder.file('secret.txt');
  writeFileSync(victim, SECRET);
  const { port } = beacon.address() as AddressInfo;
  corpus = await hostileCorpus(folder, { victim, beacon: `http://127.0.0.1:${port}/beacon` });
  service = await startService({
    TESSERA_MAX_FILE: '16MiB',
    TESSERA_MAX_PIXELS: '16000000',
    TESSERA_MAX_DURATION: '600',
  });
});
afterAll(async () => {
  await service.stop();
  beacon.close();
  folder.dispose();
});

async function send(path: string, init: RequestInit = {}): Promise<{ status: number; text: string }> {
  const response = await fetch(service.url + path, { ...init, signal: AbortSignal.timeout(PATIENCE_MS) });
  return { status: response.status, text: Buffer.from(await response.arrayBuffer()).toString('latin1') };
}

/** What is wrong with an answer: nothing, when it is a right one or refuses with a code that will be the same next time. */
function faultOf(step: string, { status, text }: { status: number; text: string }): string | undefined {
  if (text.includes(SECRET)) return `${step} gave away the secret`;
  if (status < 400) return undefined;
  const { error } = JSON.parse(text) as { error?: { code: keyof typeof ERRORS; message: string } };
  if (status >= 500 || !error || !(error.code in ERRORS)) return `${step} → ${status} ${text.slice(0, 300)}`;
  if (/\/(tmp|home|root|var|usr)\//.test(error.message)) return `${step} names a path: ${error.message}`;
  return undefined;
}

/** Brings a file, reads it as its timeline, looks at it and plays what could not be read. The faults of all that. */
async function attempt({ title, name, bytes }: HostileFile): Promise<string[]> {
  const body = new FormData();
  body.append('file', new Blob([new Uint8Array(bytes)]), name);
  const faults: (string | undefined)[] = [];
  try {
    const brought = await send('/v1/media', { method: 'POST', body });
    faults.push(faultOf('media', brought));
    if (brought.status === 201) {
      const { id, kind } = JSON.parse(brought.text) as { id: string; kind: string };
      const timeline = await send(`/v1/media/${id}/timeline`);
      faults.push(faultOf('timeline', timeline));
      if (kind !== 'text') faults.push(faultOf('frame', await send(`/v1/media/${id}/frame?t=0`)));
      if (timeline.status !== 200 && kind !== 'text' && kind !== 'image')
        faults.push(faultOf('clip', await send(`/v1/media/${id}/clip?start=0&end=1`)));
      faults.push(faultOf('delete', await send(`/v1/media/${id}`, { method: 'DELETE' })));
    }
  } catch (error) {
    faults.push(String(error));
  }
  return faults.filter((fault) => fault !== undefined).map((fault) => `${title}: ${fault}`);
}

async function attemptAll(files: readonly HostileFile[]): Promise<string[]> {
  const waiting = [...files];
  const faults: string[] = [];
  const worker = async () => {
    for (let file = waiting.shift(); file; file = waiting.shift()) faults.push(...(await attempt(file)));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return faults;
}

/** Programs that the service has started and that still run, by name. */
const children = (pid: number) =>
  execFileSync('ps', ['--no-headers', '-o', 'comm=', '--ppid', String(pid)])
    .toString()
    .split('\n')
    .filter((name) => /ffmpeg|ffprobe|node/.test(name));

describe('hostile files', () => {
  test('there are enough of them, and they are different', () => {
    const files = Object.values(corpus).flat();
    expect(files.length).toBeGreaterThan(200);
    expect(new Set(files.map(({ title }) => title)).size).toBe(files.length);
  });

  test.each(['truncations', 'corruptions', 'lies', 'pictures', 'recordings and films', 'papers and archives'])(
    '%s: each is refused for good, or read right',
    async (group) => {
      expect(await attemptAll(corpus[group] ?? [])).toEqual([]);
    },
  );

  test('nothing of the inside was read, nobody was called, nothing is left over', async () => {
    expect(called).toEqual([]);
    expect(children(service.child.pid ?? 0)).toEqual([]);
    expect(readdirSync(service.temp).filter((name) => name.startsWith('tessera-'))).toEqual([]);
    expect(readdirSync(join(service.data, 'blobs', 'incoming'))).toEqual([]);
  });

  test('the next request is answered as if nothing had been', async () => {
    const body = new FormData();
    body.append('file', new Blob([readFileSync(join(ROOT, 'samples/cat.jpg'))]), 'cat.jpg');
    const { status, text } = await send('/v1/images/descriptions', { method: 'POST', body });
    expect([status, text.toLowerCase()]).toEqual([200, expect.stringContaining('cat')]);
    expect(await send('/health/ready')).toMatchObject({ status: 200 });
    expect(service.log()).not.toContain('"level":50');
  });
});
