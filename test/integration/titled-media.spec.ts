import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Handlers } from '#jobs';
import { probe, readSubtitles, subtitleTrack } from '#media';
import { createHandlers, type Models } from '#pipeline';
import { form, startApi, type HandlerParts, type TestApi } from '../support/api.js';
import { ffmpeg, mediaFolder } from '../support/media.js';

const folder = mediaFolder('titled');
const CHAPTERS = `;FFMETADATA1
[CHAPTER]
TIMEBASE=1/1000
START=0
END=4000
title=The harbour
[CHAPTER]
TIMEBASE=1/1000
START=4000
END=8000
title=The budget = 42
`;
const SUBTITLES = `1
00:00:01,000 --> 00:00:03,000
<i>Ships</i> come in at dawn.

2
00:00:05,000 --> 00:00:07,500
The budget is 42 dollars.
`;

/** A film of colours and a tone, with chapters and subtitles inside. */
function film(name: string, subtitleCodec: string, language: string): string {
  writeFileSync(folder.file('chapters.txt'), CHAPTERS);
  writeFileSync(folder.file('subtitles.srt'), SUBTITLES);
  const sources = ['-f', 'lavfi', '-i', 'testsrc2=s=320x180:r=10:d=8', '-f', 'lavfi', '-i', 'sine=d=8', '-i', folder.file('subtitles.srt'), '-i', folder.file('chapters.txt')]; // prettier-ignore
  ffmpeg(...sources, '-map', '0', '-map', '1', '-map', '2', '-map_metadata', '3', '-c:v', 'libx264', '-preset', 'ultrafast', '-c:a', 'aac', '-c:s', subtitleCodec, '-metadata:s:s:0', `language=${language}`, folder.file(name)); // prettier-ignore
  return folder.file(name);
}

afterAll(() => folder.dispose());

describe.each([
  ['film.mp4', 'mov_text'],
  ['film.mkv', 'subrip'],
])('%s', (name, codec) => {
  test('has its chapters, and its subtitles with their times', async () => {
    const path = film(name, codec, 'eng');
    const facts = await probe(path);
    expect(facts.chapters).toEqual([
      { start: 0, end: 4, title: 'The harbour' },
      { start: 4, end: 8, title: 'The budget = 42' },
    ]);
    const track = subtitleTrack(facts.tracks);
    expect(track).toMatchObject({ kind: 'subtitle', codec });
    const cues = await readSubtitles(path, track ?? { index: -1 });
    expect(cues.map(({ text }) => text)).toEqual(['Ships come in at dawn.', 'The budget is 42 dollars.']);
    expect(cues[1]?.start).toBeCloseTo(5, 1);
    expect(cues[1]?.end).toBeCloseTo(7.5, 1);
  });
});

test('subtitles in the language asked for come first', () => {
  const track = (index: number, language: string | undefined, codec = 'subrip') => ({ index, kind: 'subtitle' as const, codec, ...(language ? { language } : {}) }); // prettier-ignore
  expect(subtitleTrack([track(2, 'ger'), track(3, 'eng')])?.index).toBe(3);
  expect(subtitleTrack([track(2, 'ger')])?.index).toBe(2);
  expect(subtitleTrack([track(2, 'eng', 'hdmv_pgs_subtitle')])).toBeUndefined();
});

/** What is heard is given, all else that needs no model is real. */
function handlers(parts: HandlerParts): Partial<Handlers> {
  const prompts = JSON.parse(readFileSync(new URL('../../packs/nano/prompts.json', import.meta.url), 'utf8')) as object;
  const models = {
    pack: { id: 'test' },
    prompts: async () => prompts,
    tokenCounter: async () => (text: string) => Math.ceil(text.length / 4),
  };
  const real = createHandlers({ ...parts, models: models as unknown as Models });
  const mediumId = async (children: () => Promise<{ result: unknown }[]>): Promise<string> =>
    ((await children())[0]?.result as { id: string }).id;
  return {
    'media.ingest': real['media.ingest'],
    'media.compose': real['media.compose'],
    answer: real.answer,
    'media.see': async (_payload, { children }) => ({ mediumId: await mediumId(children), frames: 0, times: [], visual: null }), // prettier-ignore
    'media.hear': async (_payload, { children }) => {
      const segments = [
        { start: 1.1, end: 2.9, text: 'Chips come in at Don.' },
        { start: 7.6, end: 7.9, text: 'Goodbye.' },
      ];
      const transcript = { language: 'en', duration: 8, text: '', segments, warnings: [] };
      return { mediumId: await mediumId(children), transcript };
    },
  };
}

describe('over HTTP', () => {
  let api: TestApi;
  beforeAll(async () => {
    api = await startApi({}, handlers);
  });
  afterAll(() => api.close());

  const bring = async (path: string): Promise<string> => {
    const body = form({}, [['file', 'film.mkv', new Uint8Array(readFileSync(path))]]);
    return ((await (await fetch(`${api.url}/v1/media`, { method: 'POST', body })).json()) as { id: string }).id;
  };
  const ask = async (question: string, id: string, range: object = {}) => {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ question, media: [id], ...range });
    const response = await fetch(`${api.url}/v1/questions`, { method: 'POST', headers, body });
    return (await response.json()) as { answer: string; citations: { start: number; quote: string }[] };
  };

  test('chapters and subtitles stand in the timeline, and subtitles in place of what was misheard', async () => {
    const id = await bring(film('english.mkv', 'subrip', 'eng'));
    const { entries } = (await (await fetch(`${api.url}/v1/media/${id}/timeline`)).json()) as { entries: { kind: string; text: string }[] }; // prettier-ignore
    expect(entries.map(({ kind, text }) => [kind, text])).toEqual([
      ['chapter', 'Chapter: The harbour'],
      ['said', 'Ships come in at dawn.'],
      ['chapter', 'Chapter: The budget = 42'],
      ['said', 'The budget is 42 dollars.'],
      ['said', 'Goodbye.'],
    ]);
  });

  test('they are asked about, with the place as evidence', async () => {
    const id = await bring(film('english.mkv', 'subrip', 'eng'));
    expect(await ask('List the chapters.', id)).toMatchObject({
      answer: '00:00 The harbour\n00:04 The budget = 42',
      citations: [{ start: 0 }, { start: 4 }],
    });
    expect(await ask('When is the budget mentioned?', id)).toMatchObject({
      answer: 'At 00:05.',
      citations: [{ quote: 'The budget is 42 dollars.' }],
    });
  });

  test('only the part that is asked about is read', async () => {
    const id = await bring(film('english.mkv', 'subrip', 'eng'));
    expect((await ask('List the chapters.', id, { start: 4 })).answer).toBe('00:04 The budget = 42');
    expect((await ask('List the chapters.', id, { end: 3.5 })).answer).toBe('00:00 The harbour');
    expect(await ask('List the chapters.', id, { start: 4, end: 3 })).toMatchObject({ error: { param: 'end' } });
  });

  test('subtitles in another language are writing beside what is heard', async () => {
    const id = await bring(film('german.mkv', 'subrip', 'ger'));
    const { entries } = (await (await fetch(`${api.url}/v1/media/${id}/timeline`)).json()) as { entries: { kind: string; text: string }[] }; // prettier-ignore
    expect(entries.map(({ kind, text }) => `${kind} ${text}`)).toEqual(
      expect.arrayContaining(['written Subtitle: Ships come in at dawn.', 'said Chips come in at Don.']),
    );
  });
});
