import { readFileSync } from 'node:fs';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DecodeEvent } from '#contracts';
import type { Handlers } from '#jobs';
import { TextRecognizer } from '#media';
import { createHandlers, type Models } from '#pipeline';
import { form, startApi, type HandlerParts, type TestApi } from '../support/api.js';
import { ffmpeg, mediaFolder } from '../support/media.js';

const SIZE = 64;
const [ROWS, D] = [2, 4];
const folder = mediaFolder('search-look');
const recognizer = new TextRecognizer();

/** Stands in for the encoder: a picture's tokens are its mean colour around grey, so that like colours look alike. */
function tokensOf(images: readonly Uint8Array[]): Float32Array {
  const mean = (rgb: Uint8Array, channel: number): number =>
    rgb.reduce((sum, value, i) => (i % 3 === channel ? sum + value : sum), 0) / (SIZE * SIZE) - 127;
  return Float32Array.from(
    images.flatMap((rgb) => Array.from({ length: ROWS * D }, (_, i) => (i % D < 3 ? mean(rgb, i % D) : 10))),
  );
}

/** Everything but the models is real. */
function handlers(parts: HandlerParts): Partial<Handlers> {
  const prompts = JSON.parse(readFileSync(new URL('../../packs/nano/prompts.json', import.meta.url), 'utf8')) as object;
  const done = { type: 'done', text: 'A colour.', finishReason: 'stop', evidence: [], timings: {}, usage: {} };
  const models = {
    pack: { id: 'test' },
    writer: 'test',
    visualShape: { rows: ROWS, d: D },
    prompts: async () => prompts,
    textRecognizer: async () => recognizer,
    tokenCounter: async () => (text: string) => Math.ceil(text.length / 4),
    vision: async () => ({ size: SIZE, encode: async (images: Uint8Array[]) => tokensOf(images) }),
    decoder: async () => ({
      reads: 'embeddings',
      async *generate() {
        yield done as unknown as DecodeEvent;
      },
    }),
  };
  return createHandlers({ ...parts, models: models as unknown as Models });
}

let api: TestApi;
let ada: string;
let bob: string;
const ids: Record<string, string> = {};

const get = (path: string, key = ada) => fetch(api.url + path, { headers: { authorization: `Bearer ${key}` } });
const bring = async (name: string, bytes: Uint8Array<ArrayBuffer>, key = ada): Promise<string> => {
  const body = form({}, [['file', name, bytes]]);
  const response = await fetch(`${api.url}/v1/media`, { method: 'POST', body, headers: { authorization: `Bearer ${key}` } }); // prettier-ignore
  return ((await response.json()) as { id: string }).id;
};
const colour = async (background: string): Promise<Uint8Array<ArrayBuffer>> =>
  new Uint8Array(await sharp({ create: { width: 40, height: 30, channels: 3, background } }).png().toBuffer()); // prettier-ignore

interface Hit {
  medium: { id: string; name: string };
  start: number | null;
  end: number | null;
  text: string;
  rank: number;
  frame_url?: string;
}
const like = async (query: Record<string, string | number>, key = ada) => {
  const response = await get(`/v1/search?${new URLSearchParams(query as Record<string, string>).toString()}`, key);
  return (await response.json()) as { data: Hit[]; has_more: boolean; error?: { code: string; param?: string } };
};

beforeAll(async () => {
  api = await startApi({ TESSERA_AUTH: 'true' }, handlers);
  ada = (await api.records.createKey({ name: 'ada' })).secret;
  bob = (await api.records.createKey({ name: 'bob' })).secret;
  for (const [name, background] of [
    ['red', '#e02020'],
    ['crimson', '#d01030'],
    ['blue', '#2030e0'],
  ] as const)
    // prettier-ignore
    ids[name] = await bring(`${name}.png`, await colour(background));
  // Red, then blue, then green, 4 s each.
  const parts = ['red', 'blue', 'green'].flatMap((c) => ['-f', 'lavfi', '-i', `color=${c}:s=160x90:r=10:d=4`]);
  ffmpeg(...parts, '-filter_complex', 'concat=n=3', '-c:v', 'libx264', '-preset', 'ultrafast', folder.file('film.mp4'));
  ids['film'] = await bring('film.mp4', new Uint8Array(readFileSync(folder.file('film.mp4'))));
  for (const name of ['crimson', 'blue', 'film'])
    expect((await get(`/v1/media/${ids[name]}/timeline`)).status).toBe(200);
});
afterAll(async () => {
  await api.close();
  await recognizer.dispose();
  folder.dispose();
});

test('a picture that nobody looked at yet is looked at, and what looks like it comes first', async () => {
  const { data } = await like({ like: ids['red']! });
  expect(data.slice(0, 2).map(({ medium: { name }, start }) => [name, start])).toEqual(
    expect.arrayContaining([
      ['crimson.png', null],
      ['film.mp4', 0],
    ]),
  );
  const [film] = data.filter(({ medium }) => medium.id === ids['film']);
  expect(film).toMatchObject({ text: 'A colour.', frame_url: expect.stringContaining('/frame?t=0') as string });
  expect(film?.end).toBeCloseTo(4, 1);
  const ranks = data.map(({ rank }) => rank);
  expect(ranks).toEqual([...ranks].sort((a, b) => b - a));
  expect(data.some(({ medium }) => medium.id === ids['red'])).toBe(false);
});

test('a frame of a film finds pictures, and only those of one medium when that is asked', async () => {
  const blue = await like({ like: ids['film']!, frame: 5, limit: 1 });
  expect(blue).toMatchObject({ data: [{ medium: { name: 'blue.png' } }] });
  expect((await like({ like: ids['blue']!, medium: ids['film']! })).data).toMatchObject([{ start: 4 }]);
});

test('goes on page by page', async () => {
  const all = await like({ like: ids['red']! });
  const second = await like({ like: ids['red']!, limit: 1, offset: 1 });
  expect(second).toEqual({ object: 'list', data: all.data.slice(1, 2), has_more: all.data.length > 2 });
});

describe('a picture that is sent along', () => {
  const send = async (fields: Record<string, string>, files: [string, Uint8Array<ArrayBuffer>][], key = ada) => {
    const body = form(fields, files.map(([name, bytes]) => ['file', name, bytes] as const)); // prettier-ignore
    const response = await fetch(`${api.url}/v1/search`, { method: 'POST', body, headers: { authorization: `Bearer ${key}` } }); // prettier-ignore
    return { status: response.status, ...((await response.json()) as Awaited<ReturnType<typeof like>>) };
  };

  test('finds what looks like it, in the form of a search by id, and is no hit itself', async () => {
    const { status, data } = await send({}, [['sky.png', await colour('#2535d8')]]);
    expect(status).toBe(200);
    expect(data[0]).toMatchObject({ medium: { id: ids['blue'], name: 'blue.png' }, start: null, text: 'A colour.' });
    expect(data[0]?.frame_url).toContain(`/v1/media/${ids['blue']}/frame`);
    expect(data.some(({ medium: { name } }) => name === 'sky.png')).toBe(false);
    const again = await send({ limit: '1', medium: ids['film']! }, [['sky.png', await colour('#2535d8')]]);
    expect(again).toMatchObject({ data: [{ medium: { id: ids['film'] }, start: 4 }], has_more: false });
  });

  test('is a hit where the caller keeps it', async () => {
    const { data } = await send({}, [['copy.png', await colour('#2030e0')]]);
    expect(data[0]).toMatchObject({
      medium: { id: ids['blue'], name: 'blue.png' },
      rank: expect.closeTo(1, 6) as number,
    });
  });

  test('goes with the files of requests, and is not put into words', async () => {
    await send({}, [['once.png', await colour('#104010')]]);
    const { rows } = await api.database.pool.query("select expires_at, (select count(*)::int from tessera.passage p where p.medium = m.id) as words from tessera.media m where name = 'once.png'"); // prettier-ignore
    expect(rows).toMatchObject([{ expires_at: expect.any(Date) as Date, words: 0 }]);
  });

  test('is compared with the media of its caller alone', async () => {
    const carol = (await api.records.createKey({ name: 'carol' })).secret;
    expect(await send({}, [['scarlet.png', await colour('#e02424')]], carol)).toMatchObject({ status: 200, data: [] });
  });

  test('must be one picture that can be read', async () => {
    const red = await colour('#e02020');
    const invalid = { status: 400, error: { code: 'invalid_request', param: 'file' } };
    expect(await send({}, [])).toMatchObject(invalid);
    expect(await send({}, [['a.png', red], ['b.png', red]])).toMatchObject(invalid); // prettier-ignore
    expect(await send({ limit: '0' }, [['a.png', red]])).toMatchObject({ status: 400, error: { param: 'limit' } });
    const note = new TextEncoder().encode('Nothing to see.');
    expect(await send({}, [['note.png', note]])).toMatchObject({ status: 422, error: { code: 'not_an_image' } });
    expect(await send({}, [['empty.png', new Uint8Array()]])).toMatchObject({ error: { code: 'empty_file' } });
    expect(await send({}, [['torn.png', red.slice(0, 60)]])).toMatchObject({ error: { code: 'corrupt_media' } });
    const response = await fetch(`${api.url}/v1/search`, { method: 'POST', body: '{}', headers: { authorization: `Bearer ${ada}`, 'content-type': 'application/json' } }); // prettier-ignore
    expect(response.status).toBe(400);
  });
});

test('captions are found by their words', async () => {
  const { data } = await like({ q: 'colours' });
  expect(data.map(({ medium: { name } }) => name)).toEqual(expect.arrayContaining(['crimson.png', 'film.mp4']));
});

test('what cannot be searched for is said', async () => {
  expect(await like({ like: ids['red']!, q: 'a' })).toMatchObject({ error: { code: 'invalid_request', param: 'q' } });
  expect(await like({ like: 'f'.repeat(64) })).toMatchObject({ error: { code: 'media_not_found' } });
  const note = await bring('note.txt', new TextEncoder().encode('Nothing to see.'));
  expect(await like({ like: note })).toMatchObject({ error: { code: 'not_an_image', param: 'like' } });
});

test('another key compares with its own media alone', async () => {
  expect(await like({ like: ids['red']! }, bob)).toMatchObject({ error: { code: 'media_not_found' } });
  const mine = await bring('mine.png', await colour('#e02020'), bob);
  expect(await like({ like: mine }, bob)).toMatchObject({ data: [] });
});

test('a look goes with the last one who has the medium', async () => {
  const looks = async () => (await api.database.pool.query('select from tessera.look where medium = $1', [ids['red']])).rowCount; // prettier-ignore
  const drop = (key: string) =>
    fetch(`${api.url}/v1/media/${ids['red']}`, { method: 'DELETE', headers: { authorization: `Bearer ${key}` } });
  await drop(ada);
  expect(await looks()).toBe(1);
  await drop(bob);
  expect(await looks()).toBe(0);
});
