import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { DecodeRequest, Detail, JobTree, SequencePart } from '#contracts';
import { answerTree, askTree, describeTree } from '#jobs';
import { decodeImage } from '#media';
import { openTessera, type Tessera } from '#pipeline';
import { loadConfig } from '#platform';
import { ROOT } from '../support/cli.js';

/** Real pictures, encoder and decoder; what the decoder is asked is looked at on its way. */
let folder: string;
let tessera: Tessera;
let d: number;
const requests: DecodeRequest[] = [];
const at = (name: string) => join(folder, name);

/** Odd sides: each quarter has a size of its own. */
const [WIDTH, HEIGHT] = [321, 243];
const QUARTERS = [
  { left: 0, top: 0, width: 160, height: 121 },
  { left: 160, top: 0, width: 161, height: 121 },
  { left: 0, top: 121, width: 160, height: 122 },
  { left: 160, top: 121, width: 161, height: 122 },
];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tessera-detail-'));
  chmodSync(folder, 0o711);
  // Four different pictures, each alone in its quarter.
  const parts = await Promise.all(
    QUARTERS.map(async ({ left, top, width, height }, k) => {
      const photo = sharp(join(ROOT, 'samples', k % 2 === 0 ? 'cat.jpg' : 'coffee.jpg')).resize(width, height, { fit: 'fill' }); // prettier-ignore
      const input = await (k < 2 ? photo : photo.negate().flop()).png().toBuffer();
      await sharp(input).toFile(at(`quarter-${k}.png`));
      return { input, left, top };
    }),
  );
  const empty = { width: WIDTH, height: HEIGHT, channels: 3 as const, background: 'white' };
  await sharp({ create: empty }).composite(parts).png().toFile(at('four.png'));
  await sharp({ create: { ...empty, width: 1 } }).png().toFile(at('line.png')); // prettier-ignore
  await sharp({ create: { ...empty, width: 2, height: 2 } }).png().toFile(at('dots.png')); // prettier-ignore
  tessera = await openTessera(loadConfig({ ...process.env, TESSERA_DATA_DIR: folder }));
  readsTiles(true);
  d = tessera.models.visualShape.d;
  const decoder = await tessera.models.decoder();
  const { generate } = decoder;
  vi.spyOn(decoder, 'generate').mockImplementation(function (request, signal) {
    requests.push(request);
    return generate.call(decoder, request, signal);
  });
}, 300_000);
afterAll(async () => {
  await tessera.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  requests.length = 0;
  readsTiles(true);
});

/** The mechanics are the same whatever the weights were trained with. */
const readsTiles = (tiles: boolean) => Object.assign(tessera.pack.manifest.vision ?? {}, { tiles });

const source = (name: string) => ({ type: 'file' as const, path: at(name), name });
const run = async (tree: JobTree) => tessera.jobs.result<'answer'>(await tessera.jobs.submit(tree));
type Embeddings = Extract<SequencePart, { type: 'embeddings' }>;
const seen = (): Embeddings[] =>
  requests.flatMap(({ segments }) => segments.flatMap(({ parts }) => parts)).filter((part) => part.type === 'embeddings'); // prettier-ignore
const describe = async (name: string, detail?: Detail) => {
  requests.length = 0;
  const answer = await run(describeTree(source(name), { detail }));
  const [picture] = seen();
  return { answer, picture: picture as Embeddings };
};
const block = ({ data }: Embeddings, k: number) => data.subarray(k * 16 * d, (k + 1) * 16 * d);

test('low is the picture as a whole: the 16 tokens that the encoder gives, and the same as without the field', async () => {
  const none = await describe('four.png');
  const low = await describe('four.png', 'low');
  expect(low.picture).toEqual(none.picture);
  expect(low.answer).toMatchObject({ text: none.answer.text, finishReason: 'stop' });
  expect(low.picture.rows).toBe(16);
  const vision = await tessera.models.vision();
  const { rgb } = await decodeImage(at('four.png'), { size: vision.size });
  const tokens = await vision.encode([rgb]);
  const worst = tokens.reduce((most, value, i) => Math.max(most, Math.abs(value - low.picture.data[i]!)), 0);
  expect(tokens.length).toBe(low.picture.data.length);
  expect(worst).toBeLessThan(2e-3);
});

test.each(['', 'What’s in this image?'])('a picture that comes with “%s” is described', async (content) => {
  const chat = { type: 'chat' as const, messages: [{ role: 'user' as const, content }] };
  const { text } = await run(answerTree(chat, [{ source: source('four.png'), kind: 'image' }]));
  expect(text).toBe((await describe('four.png', 'low')).answer.text);
  const instructed = await run(describeTree(source('four.png'), { instruction: content }));
  expect(instructed.text).toBe(text);
});

test('high is the whole and then its quarters in reading order, each as if it were alone', async () => {
  const low = await describe('four.png', 'low');
  const high = await describe('four.png', 'high');
  expect(high.answer.warnings).toBeUndefined();
  expect(high.picture.rows).toBe(80);
  expect(high.picture.data.length).toBe(80 * d);
  expect(block(high.picture, 0)).toEqual(low.picture.data);
  for (const k of QUARTERS.keys()) {
    const alone = await describe(`quarter-${k}.png`, 'low');
    expect(block(high.picture, k + 1)).toEqual(alone.picture.data);
  }
  // Other pages: nothing of the one is taken for the other.
  expect(high.picture.hash).not.toBe(low.picture.hash);
  expect(high.answer.usage.promptTokens - low.answer.usage.promptTokens).toBe(64);
});

test('quarters are looked at once, and again when their tokens are gone', async () => {
  const { picture } = await describe('four.png', 'high');
  const encode = vi.spyOn(await tessera.models.vision(), 'encode');
  expect((await describe('four.png', 'high')).picture).toEqual(picture);
  expect(encode).not.toHaveBeenCalled();
  await tessera.blobs.delete(picture.hash.split('+')[1] as string);
  expect((await describe('four.png', 'high')).picture).toEqual(picture);
  // All four in one run.
  expect(encode.mock.calls.map(([images]) => images.length)).toEqual([4]);
  encode.mockRestore();
});

test('a question about one picture has the same choice; one about several sees each as a whole', async () => {
  const ask = async (names: string[], detail?: Detail) => {
    requests.length = 0;
    await run(await askTree('What colour is it?', names.map(source), { detail }));
    return seen().map(({ rows }) => rows);
  };
  expect(await ask(['four.png'])).toEqual([16]);
  expect(await ask(['four.png'], 'high')).toEqual([80]);
  expect(await ask(['four.png', 'quarter-0.png'], 'high')).not.toContain(80);
});

test('a picture of one pixel in a side stays whole, and the answer says so', async () => {
  const { answer, picture } = await describe('line.png', 'high');
  expect(picture.rows).toBe(16);
  expect(answer.warnings).toEqual(['line.png was looked at with detail low: it has a side of one pixel.']);
  expect((await describe('line.png', 'low')).answer.warnings).toBeUndefined();
  expect((await describe('dots.png', 'high')).picture.rows).toBe(80);
});

test('a pack that was not trained on quarters is asked about the whole, and the answer says so', async () => {
  readsTiles(false);
  const { answer, picture } = await describe('four.png', 'high');
  expect(picture.rows).toBe(16);
  expect(answer.warnings).toEqual([expect.stringContaining('the pack tessera-nano does not read the quarters')]);
});
