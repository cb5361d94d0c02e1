import { writeFile } from 'node:fs/promises';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cutClip, probe, still } from '#media';
import { ffmpeg, mediaFolder } from '../support/media.js';

const folder = mediaFolder('evidence');
const at = folder.file;
afterAll(() => folder.dispose());

beforeAll(() => {
  // 3 s red, 3 s blue, with a tone; 16:9.
  const color = (c: string) => ['-f', 'lavfi', '-i', `color=${c}:s=1280x720:r=25:d=3`];
  ffmpeg(
    ...color('red'), ...color('blue'), '-f', 'lavfi', '-i', 'sine=440:d=6', '-filter_complex', '[0][1]concat=n=2[v]',
    '-map', '[v]', '-map', '2', '-pix_fmt', 'yuv420p', '-preset', 'ultrafast', at('film.mp4'),
  ); // prettier-ignore
  ffmpeg('-i', at('film.mp4'), '-vn', at('sound.wav'));
});

async function clip(name: string, start: number, end: number): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of cutClip(at(name), { facts: await probe(at(name)), start, end })) pieces.push(piece);
  await writeFile(at(`clip-of-${name}.mp4`), Buffer.concat(pieces));
  return at(`clip-of-${name}.mp4`);
}

async function colour(picture: string | Buffer): Promise<number[]> {
  const { channels } = await sharp(picture).stats();
  return channels.map((channel) => Math.round(channel.mean / 64));
}

describe('cutClip', () => {
  it('gives a film that begins where it was asked to, small enough to send', async () => {
    const file = await clip('film.mp4', 2.8, 4.8);
    const facts = await probe(file);
    expect(facts).toMatchObject({ kind: 'video', width: 854, height: 480 });
    expect(facts.duration).toBeCloseTo(2, 0);
    expect(facts.tracks.map((track) => track.kind)).toEqual(['video', 'audio']);
    expect(await colour(await still(file, { facts, at: 1 }))).toEqual([0, 0, 4]);
  });

  it('gives sound alone of a recording', async () => {
    const facts = await probe(await clip('sound.wav', 1, 2));
    expect(facts.tracks.map((track) => track.kind)).toEqual(['audio']);
    expect(facts.duration).toBeCloseTo(1, 0);
  });

  it('refuses what is no clip', async () => {
    await expect(clip('film.mp4', 4, 3)).rejects.toMatchObject({ code: 'invalid_request' });
    const facts = { ...(await probe(at('film.mp4'))), duration: 5000 };
    const long = cutClip(at('film.mp4'), { facts, start: 0, end: 4000 });
    await expect(long.next()).rejects.toMatchObject({ code: 'invalid_request', param: 'end' });
    const text = cutClip(at('film.mp4'), { facts: { kind: 'text', tracks: [] }, start: 0, end: 1 });
    await expect(text.next()).rejects.toMatchObject({ code: 'unsupported_media' });
  });
});

describe('still', () => {
  it('shows the frame at a time in the shape of the film', async () => {
    const facts = await probe(at('film.mp4'));
    const jpeg = await still(at('film.mp4'), { facts, at: 1 });
    expect(await sharp(jpeg).metadata()).toMatchObject({ format: 'jpeg', width: 640, height: 360 });
    expect(await colour(jpeg)).toEqual([4, 0, 0]);
    await expect(still(at('film.mp4'), { facts, at: 60 })).rejects.toMatchObject({
      code: 'invalid_request',
      param: 't',
    });
  });

  it('shows a picture upright, no larger than it is', async () => {
    const picture = sharp({ create: { width: 100, height: 50, channels: 3, background: 'green' } });
    await picture.jpeg().withMetadata({ orientation: 6 }).toFile(at('turned.jpg'));
    const jpeg = await still(at('turned.jpg'), { facts: await probe(at('turned.jpg')) });
    expect(await sharp(jpeg).metadata()).toMatchObject({ width: 50, height: 100 });
  });
});
