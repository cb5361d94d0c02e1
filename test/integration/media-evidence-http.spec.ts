import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Handlers } from '#jobs';
import { probe, TextRecognizer } from '#media';
import { createHandlers, type Models } from '#pipeline';
import { form, PNG, startApi, type HandlerParts, type TestApi } from '../support/api.js';
import { errorOf, json, request } from '../support/http.js';
import { ffmpeg, mediaFolder } from '../support/media.js';
import { pdf } from '../support/pdf.js';

const sample = (name: string) => readFileSync(new URL(`../../samples/${name}`, import.meta.url));
const folder = mediaFolder('evidence-http');
const recognizer = new TextRecognizer();
const runs: string[] = [];

/** Everything but the models is real: files are probed, composed and cut; what is seen and heard is given. */
function handlers(parts: HandlerParts): Partial<Handlers> {
  const prompts = JSON.parse(readFileSync(new URL('../../packs/nano/prompts.json', import.meta.url), 'utf8')) as object;
  const models = {
    pack: { id: 'test' },
    prompts: async () => prompts,
    speech: () => Promise.reject(new Error('What is said is given.')),
    textRecognizer: async () => recognizer,
    tokenCounter: async () => (text: string) => Math.ceil(text.length / 4),
  };
  const real = createHandlers({ ...parts, models: models as unknown as Models });
  return {
    'media.ingest': real['media.ingest'],
    'media.compose': real['media.compose'],
    'media.extract': (payload, context) => {
      runs.push(payload.part.type);
      return real['media.extract'](payload, context);
    },
    'media.see': async (_payload, { children }) => {
      const [ingest] = await children();
      return { mediumId: (ingest?.result as { id: string }).id, frames: 0, times: [], visual: null };
    },
    answer: async (_payload, { children }) => {
      const composed = (await children()) as { result: { medium: { id: string; name: string } } }[];
      return {
        text: 'At the start.',
        finishReason: 'stop',
        citations: composed.map(({ result: { medium } }) => ({
          input: medium.name,
          mediumId: medium.id,
          start: medium.name.endsWith('.pdf') ? null : 1.5,
          end: medium.name.endsWith('.pdf') ? null : 3.25,
          page: medium.name.endsWith('.pdf') ? 1 : null,
          quote: 'three stories',
          weight: 0.5,
        })),
        usage: { promptTokens: 10, selectedTokens: 8, completionTokens: 3, cachedTokens: 0 },
        timings: {},
      };
    },
  };
}

let api: TestApi;
let ada: string;
let bob: string;
let film: string;
let speech: string;
let picture: string;
let report: string;

const get = (path: string, headers: Record<string, string> = {}, key = ada) =>
  fetch(api.url + path, request('GET', undefined, headers, key));
const post = (path: string, body: FormData | object, headers: Record<string, string> = {}) =>
  fetch(api.url + path, request('POST', body, headers, ada));
interface Told {
  citations: { frame_url: string; clip_url: string }[];
}
const bytes = async (response: Response) => Buffer.from(await response.arrayBuffer());

async function bring(name: string, data: Buffer, key = ada): Promise<string> {
  const body = form({}, [['file', name, new Uint8Array(data)]]);
  return String((await json(post('/v1/media', body, { authorization: `Bearer ${key}` })))['id']);
}

beforeAll(async () => {
  api = await startApi({ TESSERA_AUTH: 'true' }, handlers);
  ada = (await api.records.createKey({ name: 'ada' })).secret;
  bob = (await api.records.createKey({ name: 'bob' })).secret;
  film = await bring('talk.mp4', sample('talk.mp4'));
  speech = await bring('speech.flac', sample('speech.flac'));
  picture = await bring('cat.jpg', sample('cat.jpg'));
  report = await bring(
    'report.pdf',
    pdf([
      { lines: ['The first page tells of the harbour of Bergen and of its many wooden houses.'] },
      { lines: ['The second page tells of the budget, which is four thousand and two hundred.'] },
    ]),
  );
});
afterAll(async () => {
  await api.close();
  await recognizer.dispose();
  folder.dispose();
});

describe('frame', () => {
  test('of a film, as a small JPEG: made once, then found, then not even sent', async () => {
    const first = await get(`/v1/media/${film}/frame?t=8`);
    expect([first.status, first.headers.get('content-type')]).toEqual([200, 'image/jpeg']);
    expect(first.headers.get('x-job-id')).toBeTruthy();
    const jpeg = await bytes(first);
    expect(Number(first.headers.get('content-length'))).toBe(jpeg.length);
    expect(await sharp(jpeg).metadata()).toMatchObject({ format: 'jpeg', width: 640, height: 360 });

    const again = await get(`/v1/media/${film}/frame?t=8.0000001`);
    expect(again.headers.get('x-job-id')).toBeNull();
    expect(await bytes(again)).toEqual(jpeg);
    const etag = first.headers.get('etag') ?? '';
    expect((await get(`/v1/media/${film}/frame?t=8`, { 'if-none-match': etag })).status).toBe(304);
    expect(runs.filter((type) => type === 'frame')).toHaveLength(1);

    const other = await get(`/v1/media/${film}/frame?t=38`);
    expect(other.headers.get('etag')).not.toBe(etag);
    await other.arrayBuffer();
  });

  test('of a picture is the picture', async () => {
    const response = await get(`/v1/media/${picture}/frame`);
    expect(await sharp(await bytes(response)).metadata()).toMatchObject({ format: 'jpeg', width: 451, height: 300 });
  });

  test.each([
    ['past the end', () => `/v1/media/${film}/frame?t=4000`, { status: 400, code: 'invalid_request', param: 't' }],
    ['no time', () => `/v1/media/${film}/frame?t=soon`, { status: 400, code: 'invalid_request', param: 't' }],
    ['before the start', () => `/v1/media/${film}/frame?t=-1`, { status: 400, param: 't' }],
    ['of a recording', () => `/v1/media/${speech}/frame?t=1`, { status: 415, code: 'unsupported_media' }],
    ['of nothing', () => `/v1/media/${'0'.repeat(64)}/frame`, { status: 404, code: 'media_not_found' }],
    ['of what is no id', () => '/v1/media/%00/frame', { status: 400, code: 'invalid_request' }],
    ['of a path', () => '/v1/media/..%2f..%2fetc/frame', { status: 404, code: 'media_not_found' }],
  ])('%s', async (_name, path, expected) => expect(await errorOf(await get(path()))).toMatchObject(expected));
});

describe('clip', () => {
  test('is given up when nobody waits for it any more: ffmpeg is killed within a second', async () => {
    const file = folder.file('long.mp4');
    ffmpeg('-f', 'lavfi', '-i', 'testsrc2=size=1280x720:rate=30:duration=60', '-preset', 'ultrafast', file);
    const id = await bring('long.mp4', readFileSync(file));
    const programs = () => execFileSync('ps', ['-o', 'comm=', '--ppid', String(process.pid)]).toString();
    const away = new AbortController();
    const headers = { authorization: `Bearer ${ada}` };
    const asked = fetch(`${api.url}/v1/media/${id}/clip?start=0&end=60`, { headers, signal: away.signal });
    await expect.poll(programs, { interval: 20, timeout: 10_000 }).toContain('ffmpeg');
    away.abort();
    await expect(asked).rejects.toThrow();
    await expect.poll(programs, { interval: 20, timeout: 1000 }).not.toContain('ffmpeg');
    await expect.poll(() => api.jobs.active, { timeout: 1000 }).toBe(0);
  });

  test('of a film plays, begins where it was asked to, and can be sought in', async () => {
    const path = `/v1/media/${film}/clip?start=3&end=5`;
    const before = runs.length;
    const response = await get(path);
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'video/mp4']);
    const clip = await bytes(response);
    await writeFile(folder.file('clip.mp4'), clip);
    const facts = await probe(folder.file('clip.mp4'));
    expect(facts).toMatchObject({ kind: 'video', width: 640, height: 360 });
    expect(facts.duration).toBeCloseTo(2, 0);
    expect(facts.tracks.map((track) => track.kind)).toEqual(['video', 'audio']);

    const part = await get(path, { range: 'bytes=4-7' });
    expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes 4-7/${clip.length}`]);
    expect((await bytes(part)).toString()).toBe('ftyp');
    expect(runs.slice(before)).toEqual(['clip']);
  });

  test('of a recording is sound', async () => {
    const response = await get(`/v1/media/${speech}/clip?start=1&end=900`);
    expect(response.headers.get('content-type')).toBe('audio/mp4');
    await writeFile(folder.file('sound.mp4'), await bytes(response));
    expect((await probe(folder.file('sound.mp4'))).tracks.map((track) => track.kind)).toEqual(['audio']);
  });

  test.each([
    ['without an end', () => `/v1/media/${film}/clip?start=1`, { status: 400, param: 'end' }],
    ['that ends first', () => `/v1/media/${film}/clip?start=5&end=4`, { status: 400, param: 'end' }],
    ['past the end', () => `/v1/media/${film}/clip?start=500&end=510`, { status: 400, param: 'start' }],
    ['of a picture', () => `/v1/media/${picture}/clip?start=0&end=1`, { status: 415, code: 'unsupported_media' }],
    ['of a document', () => `/v1/media/${report}/clip?start=0&end=1`, { status: 415, code: 'unsupported_media' }],
  ])('%s', async (_name, path, expected) => expect(await errorOf(await get(path()))).toMatchObject(expected));
});

describe('timeline', () => {
  test('of a film', async () => {
    expect(await json(get(`/v1/media/${film}/timeline`))).toEqual({
      id: film,
      object: 'timeline',
      name: 'talk.mp4',
      kind: 'video',
      mime_type: 'video/mp4',
      duration: expect.closeTo(42, -1) as number,
      entries: [
        { start: 0, end: 1.5, page: null, kind: 'said', text: expect.stringContaining('Ask not') as string },
        { start: 1.5, end: 3, page: null, kind: 'said', text: expect.stringContaining('your country') as string },
      ],
    });
    const later = await json(get(`/v1/media/${film}/timeline?start=2`));
    expect(later['entries']).toMatchObject([{ start: 1.5 }]);
  });

  test('of a document, by page', async () => {
    expect(await json(get(`/v1/media/${report}/timeline`))).toMatchObject({
      kind: 'text',
      mime_type: 'application/pdf',
      duration: null,
      entries: [
        { start: null, page: 1, text: 'The first page tells of the harbour of Bergen and of its many wooden houses.' },
        { start: null, page: 2, text: 'The second page tells of the budget, which is four thousand and two hundred.' },
      ],
    });
  });

  test('as a job that is asked for later', async () => {
    const accepted = await get(`/v1/media/${report}/timeline`, { prefer: 'respond-async' });
    expect(accepted.status).toBe(202);
    const { id } = await json(accepted);
    await expect.poll(async () => (await json(get(`/v1/jobs/${String(id)}`)))['status']).toBe('completed');
    expect(await json(get(`/v1/jobs/${String(id)}`))).toMatchObject({
      kind: 'timeline',
      result: { object: 'timeline', id: report, name: 'report.pdf', entries: [{ page: 1 }, { page: 2 }] },
    });
  });

  test.each([
    ['of a broken file', async () => bring('broken.mp4', sample('talk.mp4').subarray(0, 2000)), { status: 422 }],
    ['of nothing', async () => '0'.repeat(64), { status: 404, code: 'media_not_found' }],
  ])('%s', async (_name, id, expected) =>
    expect(await errorOf(await get(`/v1/media/${await id()}/timeline`))).toMatchObject(expected),
  );
});

/** A path and the signature that the service adds where it asks for keys. */
const signed = (path: string) =>
  expect.stringMatching(
    new RegExp(`^${path.replaceAll('?', '[?]')}[?&]expires=\\d{10}&signature=[\\w-]{43}$`),
  ) as unknown as string;

describe('citations', () => {
  const [frame, clip] = [() => `/v1/media/${film}/frame?t=1.5`, () => `/v1/media/${film}/clip?start=1.5&end=3.25`];
  const links = () => ({ frame_url: signed(frame()), clip_url: signed(clip()) });

  test('of an answer lead to what it rests on', async () => {
    const { citations } = await json<Told>(post('/v1/questions', { question: 'When?', media: [film, speech, report] }));
    expect(citations).toEqual([
      { input: 'talk.mp4', start: 1.5, end: 3.25, page: null, quote: 'three stories', ...links() },
      expect.objectContaining({ clip_url: signed(`/v1/media/${speech}/clip?start=1.5&end=3.25`) }),
      { input: 'report.pdf', start: null, end: null, page: 1, quote: 'three stories' },
    ]);
    expect(citations[1]).not.toHaveProperty('frame_url');
    const { frame_url: frameUrl, clip_url: clipUrl } = citations[0]!;
    for (const url of [frameUrl, clipUrl]) {
      // As the browser asks for what an <img> or <video> names: without a key.
      const response = await fetch(api.url + url);
      expect([url, response.status]).toEqual([url, 200]);
      expect(response.headers.get('cross-origin-resource-policy')).toBe('cross-origin');
      await response.arrayBuffer();
      expect((await get(url)).status).toBe(200);
    }
    expect(frameUrl).not.toContain(ada);
  });

  test('are signed for one place of one medium, and for nothing else', async () => {
    const { citations } = await json<Told>(post('/v1/questions', { question: 'When?', media: [film] }));
    const { frame_url: url } = citations[0]!;
    const others = [
      url.replace('t=1.5', 't=2.5'),
      url.replace('/frame', '/content'),
      url.replace('/frame?t=1.5&', '?'),
      url.replace('/frame', '/timeline'),
      url.replace(film, picture),
      url.replace(/expires=\d+/, 'expires=9999999999'),
      url.replace(/.$/, (last) => (last === 'A' ? 'E' : 'A')),
      frame(),
    ];
    for (const other of others) expect([other, (await fetch(api.url + other)).status]).toEqual([other, 401]);
    expect((await fetch(api.url + url, { method: 'DELETE' })).status).toBe(404);
  });

  test('end with their medium', async () => {
    const id = await bring('gone.png', PNG);
    const { citations } = await json<Told>(post('/v1/questions', { question: 'What?', media: [id] }));
    const { frame_url: url } = citations[0]!;
    expect((await fetch(api.url + url)).status).toBe(200);
    await fetch(`${api.url}/v1/media/${id}`, { method: 'DELETE', headers: { authorization: `Bearer ${ada}` } });
    expect((await fetch(api.url + url)).status).toBe(401);
  });

  test('are there in a stream, in a job, and in chat completions', async () => {
    const streamed = await (await post('/v1/questions', { question: 'When?', media: [film], stream: true })).text();
    expect(streamed).toContain(`${clip()}&expires=`);
    const accepted = await json(post('/v1/questions', { question: '?', media: [film] }, { prefer: 'respond-async' }));
    const path = `/v1/jobs/${String(accepted['id'])}`;
    await expect.poll(async () => (await json(get(path)))['status']).toBe('completed');
    expect(await json(get(path))).toMatchObject({ result: { citations: [links()] } });
    const messages = [{ role: 'user', content: [{ type: 'file', file: { file_id: film } }] }];
    expect(await json(post('/v1/chat/completions', { messages }))).toMatchObject({ citations: [links()] });
    expect(await (await post('/v1/chat/completions', { messages, stream: true })).text()).toContain(
      `${frame()}&expires=`,
    );
  });
});

describe('search', () => {
  const search = async (query: Record<string, string>, key?: string) =>
    (await json(get(`/v1/search?${new URLSearchParams(query).toString()}`, {}, key))) as {
      data: { medium: { id: string }; rank: number }[];
      has_more: boolean;
    };

  test('finds words in other forms, by page', async () => {
    expect(await search({ q: 'budgets hundreds' })).toEqual({
      object: 'list',
      data: [
        {
          medium: { id: report, name: 'report.pdf', kind: 'text' },
          start: null,
          end: null,
          page: 2,
          text: 'The second page tells of the budget, which is four thousand and two hundred.',
          rank: expect.any(Number) as number,
        },
      ],
      has_more: false,
    });
  });

  test('finds what was said, with a way to hear it', async () => {
    const { data } = await search({ q: '"your country"', medium: film });
    expect(data).toMatchObject([
      {
        medium: { id: film, name: 'talk.mp4', kind: 'video' },
        start: 1.5,
        end: 3,
        frame_url: signed(`/v1/media/${film}/frame?t=1.5`),
        clip_url: signed(`/v1/media/${film}/clip?start=1.5&end=3`),
      },
    ]);
  });

  test('goes on page by page, best first', async () => {
    const all = await search({ q: 'country or page or ask' });
    expect(all.data.length).toBeGreaterThan(3);
    const ranks = all.data.map(({ rank }) => rank);
    expect(ranks).toEqual([...ranks].sort((a, b) => b - a));
    const second = await search({ q: 'country or page or ask', limit: '1', offset: '1' });
    expect(second).toEqual({ object: 'list', data: all.data.slice(1, 2), has_more: true });
  });

  test('finds nothing where there is nothing, whatever is typed', async () => {
    for (const q of ['zeppelin', "'; drop table tessera.media --", '& | ! :*', '-', '🦤'])
      expect([q, (await search({ q })).data]).toEqual([q, []]);
    expect(await errorOf(await get('/v1/search'))).toMatchObject({ status: 400, param: 'q' });
    expect(await errorOf(await get('/v1/search?q=a%00'))).toMatchObject({ status: 400 });
    expect(await errorOf(await get('/v1/search?q=a&medium=b'))).toMatchObject({ status: 400, param: 'medium' });
  });

  test('another key finds nothing, until it brings the medium itself', async () => {
    expect((await search({ q: 'budget' }, bob)).data).toEqual([]);
    await bring('mine.pdf', await bytes(await get(`/v1/media/${report}/content`)), bob);
    expect((await search({ q: 'budget' }, bob)).data).toMatchObject([{ medium: { name: 'mine.pdf' }, page: 2 }]);
  });

  test('forgets the words of a medium with the medium', async () => {
    await fetch(`${api.url}/v1/media/${speech}`, { method: 'DELETE', headers: { authorization: `Bearer ${ada}` } });
    const { rows } = await api.database.pool.query('select from tessera.passage where medium = $1', [speech]);
    expect(rows).toEqual([]);
    expect((await search({ q: 'country' })).data.map(({ medium }) => medium.id)).toEqual([film]);
  });
});

test('another key sees none of it, made already or not', async () => {
  for (const path of ['timeline', 'frame?t=8', 'clip?start=3&end=5', 'frame?t=9', 'clip?start=1&end=2'])
    expect(await errorOf(await get(`/v1/media/${film}/${path}`, {}, bob))).toMatchObject({
      status: 404,
      code: 'media_not_found',
    });
});
