import { readFileSync, writeFileSync } from 'node:fs';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Medium } from '#contracts';
import { probe, TextRecognizer } from '#media';
import type { Stage } from '#pipeline';
import { readAlong, readFrames } from '../../libs/pipeline/read/frame-texts.js';
import { startApi, type TestApi } from '../support/api.js';
import { ffmpeg, mediaFolder } from '../support/media.js';

const folder = mediaFolder('read-along');
const recognizer = new TextRecognizer();
let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(async () => {
  await recognizer.dispose();
  await api.close();
  folder.dispose();
});

const never = new AbortController().signal;
/** A stage of which only the recogniser is there. */
const stageWith = (textRecognizer: () => Promise<TextRecognizer>): Stage =>
  ({ ...api, models: { textRecognizer } }) as unknown as Stage;
const reading = () => stageWith(async () => recognizer);
const broken = () => stageWith(() => Promise.reject(new Error('no recogniser')));

async function slide(name: string, text: string): Promise<string> {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="640" height="360" font-family="sans-serif">
    <rect width="640" height="360" fill="#fafafa"/><text x="40" y="180" font-size="48">${text}</text></svg>`;
  writeFileSync(folder.file(name), await sharp(Buffer.from(svg)).png().toBuffer());
  return folder.file(name);
}

/** Two slides of 2 s each; `name` is in the file, so that its text is not known from another test. */
async function film(name: string): Promise<Medium> {
  const inputs = [await slide('a.png', 'The harbour'), await slide('b.png', 'The library')].flatMap((file) => ['-loop', '1', '-t', '2', '-r', '10', '-i', file]); // prettier-ignore
  const file = folder.file(`${name}.mp4`);
  ffmpeg(...inputs, '-filter_complex', '[0][1]concat=n=2', '-metadata', `title=${name}`, '-c:v', 'libx264', '-pix_fmt', 'yuv420p', file); // prettier-ignore
  const { id } = await api.blobs.put(readFileSync(file));
  return { id, name, ...(await probe(file)) };
}

async function textsOf(stage: Stage, medium: Medium, times: number[]): Promise<Record<number, string>> {
  const texts: Record<number, string> = {};
  for await (const { time, text } of readFrames(
    stage,
    medium,
    times.map((time) => ({ time })),
    never,
  ))
    texts[time] = text;
  return texts;
}

test('what is read while a film is seen is not read again', async () => {
  const medium = await film('along');
  {
    await using along = readAlong(reading(), medium, never);
    along.add({ time: 0 });
    along.add({ time: 2.5 });
    await along.done();
  }
  expect(await textsOf(broken(), medium, [0, 2.5])).toEqual({ 0: 'The harbour', 2.5: 'The library' });
  // What was not is read now, beside what is known.
  expect(await textsOf(reading(), medium, [0, 1, 2.5])).toEqual({ 0: 'The harbour', 1: 'The harbour', 2.5: 'The library' }); // prettier-ignore
});

test('a film without print needs no recogniser', async () => {
  await using along = readAlong(broken(), await film('none'), never);
  await along.done();
});

test('who reads along is told of no fault; who needs the text is', async () => {
  const medium = await film('fault');
  {
    await using along = readAlong(broken(), medium, never);
    along.add({ time: 0 });
    along.add({ time: 2.5 });
    await along.done();
    along.add({ time: 3 });
  }
  await expect(textsOf(broken(), medium, [0])).rejects.toThrow('no recogniser');
  expect(await textsOf(reading(), medium, [0])).toEqual({ 0: 'The harbour' });
});

test('who leaves early, or is cancelled, waits for no frame', async () => {
  const medium = await film('early');
  const cancelled = new AbortController();
  for (const signal of [never, cancelled.signal]) {
    await using along = readAlong(reading(), medium, signal);
    for (let time = 0; time < 4; time += 0.1) along.add({ time: time });
    cancelled.abort();
  }
  await expect(textsOf(broken(), medium, [3.9])).rejects.toThrow('no recogniser');
});

test('of very many frames only the first are read along', async () => {
  const medium = await film('many');
  const counting = { count: 0, warm: () => undefined, read: async () => (counting.count++, { text: '', paragraphs: [], boxes: [] }) }; // prettier-ignore
  await using along = readAlong(
    stageWith(async () => counting as unknown as TextRecognizer),
    medium,
    never,
  );
  for (let i = 0; i < 60; i++) along.add({ time: i / 20 });
  await along.done();
  expect(counting.count).toBe(40);
});
