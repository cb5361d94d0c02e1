import sharp from 'sharp';
import { afterAll, expect, test } from 'vitest';
import { decodeFrames, probe, still } from '#media';
import { ffmpeg, mediaFolder } from '../support/media.js';

const folder = mediaFolder('animated');
afterAll(() => folder.dispose());

test('an animated GIF is a film: each of its scenes is seen, at its time', async () => {
  const file = folder.file('traffic.gif');
  const colours = ['red', 'yellow', 'lime'];
  ffmpeg(
    ...colours.flatMap((colour) => ['-f', 'lavfi', '-i', `color=${colour}:s=160x120:r=10:d=2`]),
    '-filter_complex', '[0][1][2]concat=n=3,split[a][b];[a]palettegen[p];[b][p]paletteuse', file,
  ); // prettier-ignore
  const facts = await probe(file);
  expect(facts).toMatchObject({ kind: 'video', mimeType: 'image/gif', width: 160, height: 120 });
  expect(facts.duration).toBeCloseTo(6, 0);
  const seen: [number, number[]][] = [];
  for await (const { t, rgb } of decodeFrames(file, { facts, size: 32 })) seen.push([Math.round(t), [...rgb.subarray(0, 3)].map((value) => Math.round(value / 255))]); // prettier-ignore
  expect(seen).toEqual([
    [0, [1, 0, 0]],
    [2, [1, 1, 0]],
    [4, [0, 1, 0]],
  ]);
  expect(await sharp(await still(file, { facts, at: 5 })).metadata()).toMatchObject({ format: 'jpeg', width: 160 });
});

test('a GIF that stands still is a picture, and so is a TIFF of several pages', async () => {
  const red = { create: { width: 32, height: 32, channels: 3 as const, background: 'red' } };
  await sharp(red).gif().toFile(folder.file('still.gif'));
  expect(await probe(folder.file('still.gif'))).toMatchObject({ kind: 'image', mimeType: 'image/gif' });
  await sharp(red).tiff().toFile(folder.file('page.tiff'));
  expect(await probe(folder.file('page.tiff'))).toMatchObject({ kind: 'image', mimeType: 'image/tiff' });
});
