import { execFileSync } from 'node:child_process';
import { copyFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import sharp, { type Color } from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { audioTrack, decodeAudio, decodeFrames, decodeImage, probe, readText, type VideoFrame } from '#media';
import { decodeGreyFrame } from '../../libs/media/frames.js';
import { ffmpeg, mediaFolder, sox } from '../support/media.js';

const folder = mediaFolder('media');
const at = folder.file;
afterAll(() => folder.dispose());

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}
const samples = async (items: AsyncIterable<Float32Array>) => (await all(items)).flatMap((piece) => [...piece]);
/** Those that still run: one that was killed may wait a moment for its end to be taken note of. */
const children = () =>
  execFileSync('ps', ['-o', 'stat=,comm=', '--ppid', String(process.pid)])
    .toString()
    .match(/^[^Z]\S* +ffmpeg/gm)?.length ?? 0;

beforeAll(async () => {
  // 3 s red, 3 s green, 3 s blue; a 440 Hz tone.
  const color = (c: string) => ['-f', 'lavfi', '-i', `color=${c}:s=320x240:r=25:d=3`];
  ffmpeg(
    ...color('red'), ...color('lime'), ...color('blue'), '-f', 'lavfi', '-i', 'sine=440:d=9',
    '-filter_complex', '[0][1][2]concat=n=3[v]', '-map', '[v]', '-map', '3', '-pix_fmt', 'yuv420p', at('film.mp4'),
  ); // prettier-ignore
  ffmpeg('-i', at('film.mp4'), '-map', '0:v', '-c', 'copy', at('silent-film.mp4'));
  ffmpeg(
    ...['-i', at('film.mp4'), '-itsoffset', '2', '-i', at('film.mp4'), '-map', '0:a', '-map', '1:a'],
    at('late.mkv'),
  );
  sox('-n', '-r', '48000', '-c', '2', at('tones.wav'), 'synth', '2', 'sine', '300', 'sine', '900');
  writeFileSync(at('page.mp4'), 'This is no film.\n');
  writeFileSync(at('empty.wav'), '');
});

describe('probe', () => {
  it('describes a film by its content, whatever its name', async () => {
    copyFileSync(at('film.mp4'), at('film.txt'));
    const facts = await probe(at('film.txt'));
    expect(facts).toMatchObject({ kind: 'video', mimeType: 'video/mp4', width: 320, height: 240 });
    expect(facts.duration).toBeCloseTo(9, 1);
    expect(facts.tracks.map((track) => track.kind)).toEqual(['video', 'audio']);
  });

  it('reads text', async () => {
    writeFileSync(at('notes.txt'), '\ufeffMalmö');
    expect(await probe(at('notes.txt'))).toMatchObject({ kind: 'text', mimeType: 'text/plain' });
    expect(await readText(at('notes.txt'))).toBe('Malmö');
  });

  it('gives a picture the size it has once it is turned upright', async () => {
    const image = sharp({ create: { width: 60, height: 40, channels: 3, background: 'red' } });
    await image.jpeg().withMetadata({ orientation: 6 }).toFile(at('turned.jpg'));
    expect(await probe(at('turned.jpg'))).toMatchObject({
      kind: 'image',
      mimeType: 'image/jpeg',
      width: 40,
      height: 60,
    });
  });

  it('refuses each bad file with its own code', async () => {
    const code = (name: string, options = {}) =>
      probe(at(name), options).then(
        () => 'none',
        (error) => error.code,
      );
    writeFileSync(at('huge.png'), pngHeader(40_000, 40_000));
    writeFileSync(
      at('noise.bin'),
      Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 7919 + (i >> 3) * 31) & 255)),
    );
    copyFileSync(at('film.mp4'), at('cut.mp4'));
    truncateSync(at('cut.mp4'), 2000);
    writeFileSync(at('list.m3u8'), '#EXTM3U\n#EXTINF:1,\n/etc/passwd\n');
    expect(await code('missing.wav')).toBe('file_not_found');
    expect(await code('empty.wav')).toBe('empty_file');
    expect(await code('page.mp4')).toBe('unsupported_media');
    expect(await code('noise.bin')).toBe('unsupported_media');
    expect(await code('list.m3u8')).toBe('unsupported_media');
    expect(await code('huge.png')).toBe('too_many_pixels');
    expect(await code('cut.mp4')).toBe('corrupt_media');
    expect(await code('film.mp4', { limits: { maxFileBytes: 1000 } })).toBe('file_too_large');
    expect(await code('film.mp4', { limits: { maxDurationSeconds: 5 } })).toBe('media_too_long');
    expect(await code('film.mp4', { limits: { maxPixels: 1000 } })).toBe('too_many_pixels');
  });

  it('refuses ten hours of sound in a small file by its header', async () => {
    sox('-n', '-r', '8000', at('short.flac'), 'synth', '1', 'sine', '300');
    const bytes = readFileSync(at('short.flac'));
    bytes.writeUInt32BE(36_000 * 8000, 22); // STREAMINFO: the low 32 bits of the number of samples
    writeFileSync(at('long.flac'), bytes);
    await expect(probe(at('long.flac'))).rejects.toMatchObject({ code: 'media_too_long' });
  });

  it('names the tracks when the one asked for is not sound', async () => {
    const facts = await probe(at('film.mp4'));
    expect(audioTrack(facts).index).toBe(1);
    expect(() => audioTrack(facts, 0)).toThrow(/There are: 1 \(aac/);
    expect(() => audioTrack({ tracks: facts.tracks.slice(0, 1) })).toThrow(/no audio track/);
  });
});

describe('decodeAudio', () => {
  it('streams 16 kHz mono of a range', async () => {
    const sound = await samples(decodeAudio(at('film.mp4'), { start: 1, end: 3.5 }));
    expect(sound.length / 16_000).toBeCloseTo(2.5, 2);
    const crossings = sound.filter((value, i) => i > 0 && value >= 0 !== sound[i - 1]! >= 0).length;
    expect(crossings / 2 / 2.5).toBeCloseTo(440, -1);
  });

  it('takes one channel, and mixes both', async () => {
    const tone = async (channel?: number) => {
      const sound = await samples(decodeAudio(at('tones.wav'), channel === undefined ? {} : { channel }));
      return sound.filter((value, i) => i > 0 && value >= 0 !== sound[i - 1]! >= 0).length / 4;
    };
    expect(await tone(0)).toBeCloseTo(300, -1);
    expect(await tone(1)).toBeCloseTo(900, -1);
  });

  it('pads a track that starts late, so that times are those of the file', async () => {
    const facts = await probe(at('late.mkv'));
    const sound = await samples(decodeAudio(at('late.mkv'), { track: facts.tracks[1]!.index }));
    expect(sound.findIndex((value) => Math.abs(value) > 0.01) / 16_000).toBeCloseTo(2, 1);
  });

  it.each([
    ['pcm_mulaw', 8000],
    ['pcm_s16le', 192_000],
  ])('reads %s at %d Hz', async (codec, rate) => {
    ffmpeg('-i', at('tones.wav'), '-c:a', codec, '-ar', String(rate), at(`${codec}.wav`));
    expect((await samples(decodeAudio(at(`${codec}.wav`)))).length / 16_000).toBeCloseTo(2, 1);
  });

  it('reads a broken file as far as it goes, with a warning', async () => {
    ffmpeg('-i', at('film.mp4'), '-vn', '-c:a', 'flac', at('broken.flac'));
    const bytes = readFileSync(at('broken.flac'));
    bytes.fill(0x55, Math.floor(bytes.length * 0.6));
    writeFileSync(at('broken.flac'), bytes);
    const stream = decodeAudio(at('broken.flac'));
    const seconds = (await samples(stream)).length / 16_000;
    expect(seconds).toBeGreaterThan(4);
    expect(stream.warnings[0]).toMatch(/damaged/);
  });

  it('says when there are no samples', async () => {
    sox('-n', '-r', '16000', at('zero.wav'), 'trim', '0', '0');
    await expect(all(decodeAudio(at('zero.wav')))).rejects.toMatchObject({ code: 'no_audio_samples' });
  });

  it('says when there is no audio track', async () => {
    await expect(all(decodeAudio(at('silent-film.mp4')))).rejects.toMatchObject({ code: 'no_audio_track' });
  });

  it('leaves no process behind when it is cancelled, left early or out of time', async () => {
    const long = ['-f', 'lavfi', '-i', 'sine=440:d=3000', at('hour.wav')];
    ffmpeg(...long);
    const controller = new AbortController();
    const cancelled = (async () => {
      for await (const _ of decodeAudio(at('hour.wav'), { signal: controller.signal })) controller.abort();
    })();
    await expect(cancelled).rejects.toMatchObject({ code: 'cancelled' });
    for await (const piece of decodeAudio(at('hour.wav'))) if (piece) break;
    const slow = (async () => {
      for await (const _ of decodeAudio(at('hour.wav'), { limits: { timeoutMs: 200 } }))
        await new Promise((go) => setTimeout(go, 50));
    })();
    await expect(slow).rejects.toMatchObject({ code: 'timeout' });
    // What was killed goes within the second; on a busy machine not at once.
    await expect.poll(children, { timeout: 1000 }).toBe(0);
  });
});

describe('decodeFrames', () => {
  const colour = ({ rgb }: VideoFrame) =>
    ['r', 'g', 'b'][[0, 1, 2].sort((a, b) => rgb[30_000 * 3 + b]! - rgb[30_000 * 3 + a]!)[0]!];

  it('takes one frame of each scene, with its true time', async () => {
    const facts = await probe(at('film.mp4'));
    const frames = await all(decodeFrames(at('film.mp4'), { facts, size: 256 }));
    expect(frames.map(colour)).toEqual(['r', 'g', 'b']);
    expect(frames.map(({ t }) => t)).toEqual([0, 3, 6]);
    expect(frames[0]!.rgb.length).toBe(256 * 256 * 3);
  });

  it('sees a change of colour alone, as bright as before, at the next look', async () => {
    // Red and this green are equally bright.
    const colours = ['red', '0x008000'].flatMap((c) => ['-f', 'lavfi', '-i', `color=${c}:s=320x240:r=25:d=3`]);
    ffmpeg(...colours, '-filter_complex', '[0][1]concat=n=2', '-pix_fmt', 'yuv420p', at('as-bright.mp4'));
    const facts = await probe(at('as-bright.mp4'));
    const frames = await all(decodeFrames(at('as-bright.mp4'), { facts, size: 256 }));
    expect(frames.map((frame) => [colour(frame), frame.t])).toEqual([
      ['r', 0],
      ['g', 4],
    ]);
  });

  it('stops at frames that are larger than may be, whatever the header said', async () => {
    const facts = await probe(at('film.mp4'));
    const frames = all(decodeFrames(at('film.mp4'), { facts, size: 256, limits: { maxPixels: 1000 } }));
    await expect(frames).rejects.toMatchObject({ code: 'corrupt_media' });
  });

  it('takes frames by rate, number, range and times', async () => {
    const facts = await probe(at('film.mp4'));
    const times = async (options: object) =>
      (await all(decodeFrames(at('film.mp4'), { facts, size: 64, ...options }))).map(({ t }) => Number(t.toFixed(2)));
    expect(await times({ fps: 1 })).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(await times({ numFrames: 3 })).toEqual([1.52, 4.52, 7.52]);
    expect(await times({ start: 2, end: 5, fps: 1 })).toEqual([2, 3, 4]);
    expect(await times({ times: [0.5, 8.2, 20] })).toHaveLength(2);
    expect(await times({ times: [8.2] })).toEqual([8.2]);
  });

  it('turns a phone film upright', async () => {
    ffmpeg(
      '-f',
      'lavfi',
      '-i',
      'color=red:s=64x64:d=1,drawbox=0:0:64:32:blue:fill',
      '-pix_fmt',
      'yuv420p',
      at('flat.mp4'),
    );
    ffmpeg('-i', at('flat.mp4'), '-c', 'copy', '-metadata:s:v', 'rotate=90', at('phone.mp4'));
    const facts = await probe(at('phone.mp4'));
    const [frame] = await all(decodeFrames(at('phone.mp4'), { facts, size: 64 }));
    const left = (32 * 64 + 4) * 3;
    const right = (32 * 64 + 60) * 3;
    expect([frame!.rgb[left + 2]! > 200, frame!.rgb[right]! > 200]).toEqual([true, true]);
  });

  it('takes brightness alone, from black to white, in the shape that is asked for', async () => {
    const halves = 'color=black:s=160x96:r=10:d=2,drawbox=80:0:80:96:white:fill';
    ffmpeg('-f', 'lavfi', '-i', halves, '-pix_fmt', 'yuv420p', at('halves.mp4'));
    const request = { facts: await probe(at('halves.mp4')), width: 80, height: 48 };
    const frame = await decodeGreyFrame(at('halves.mp4'), { time: 1.5 }, request);
    expect(frame!.t).toBe(1.5);
    expect(frame!.grey.length).toBe(80 * 48);
    expect(frame!.grey[24 * 80 + 10]).toBeLessThan(4);
    expect(frame!.grey[24 * 80 + 70]).toBeGreaterThan(251);
  });

  it('takes a key frame of the time that something is seen, where there is one', async () => {
    ffmpeg('-f', 'lavfi', '-i', 'testsrc=s=160x96:r=10:d=6', '-g', '20', '-sc_threshold', '0', '-pix_fmt', 'yuv420p', at('keys.mp4')); // prettier-ignore
    ffmpeg('-i', at('keys.mp4'), '-c', 'copy', at('keys.ts'));
    for (const name of ['keys.mp4', 'keys.ts']) {
      const request = { facts: await probe(at(name)), width: 80, height: 48 };
      const taken = async (time: number, until?: number) => (await decodeGreyFrame(at(name), { time, until }, request))?.t; // prettier-ignore
      expect(await taken(0.5, 3.5)).toBeCloseTo(2, 1);
      expect(await taken(2, 3.5)).toBeCloseTo(2, 1);
      expect(await taken(2.5, 3.5)).toBeCloseTo(2.5, 1);
      expect(await taken(4.5)).toBeCloseTo(4.5, 1);
    }
  });

  it('refuses a file without a picture', async () => {
    const facts = await probe(at('tones.wav'));
    await expect(all(decodeFrames(at('tones.wav'), { facts, size: 64 }))).rejects.toMatchObject({
      code: 'unsupported_media',
    });
  });
});

describe('decodeImage', () => {
  const picture = (channels: 3 | 4, background: object) =>
    sharp({ create: { width: 300, height: 200, channels, background: background as Color } });
  const pixel = async (source: string | Buffer) => [...(await decodeImage(source, { size: 256 })).rgb.subarray(0, 3)];

  it('lays transparency on white, and makes grey and CMYK into RGB', async () => {
    expect(await pixel(await picture(4, { r: 0, g: 0, b: 0, alpha: 0 }).png().toBuffer())).toEqual([255, 255, 255]);
    const grey = await pixel(await picture(3, { r: 90, g: 90, b: 90 }).toColourspace('b-w').png().toBuffer());
    expect(grey).toEqual([90, 90, 90]);
    const cmyk = await pixel(await picture(3, { r: 255, g: 0, b: 0 }).toColourspace('cmyk').jpeg().toBuffer());
    expect(cmyk[0]).toBeGreaterThan(180);
    expect(cmyk[1]).toBeLessThan(90);
  });

  it.each(['webp', 'avif', 'gif', 'tiff', 'png'] as const)('reads %s', async (format) => {
    const [r, g, b] = await pixel(await picture(3, { r: 20, g: 120, b: 220 })[format]().toBuffer());
    expect(Math.abs(r! - 20) + Math.abs(g! - 120) + Math.abs(b! - 220)).toBeLessThan(16);
  });

  it('draws SVG large enough, and follows none of its references', async () => {
    const svg =
      '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"><rect width="10" height="10" fill="#0f0"/><image href="/etc/hostname" width="10" height="10"/></svg>';
    expect(await pixel(Buffer.from(svg))).toEqual([0, 255, 0]);
  });

  it('says when a JPEG is cut off', async () => {
    const bytes = await sharp({
      create: {
        width: 800,
        height: 600,
        channels: 3,
        background: 'red',
        noise: { type: 'gaussian', mean: 128, sigma: 60 },
      },
    })
      .jpeg()
      .toBuffer();
    writeFileSync(at('cut.jpg'), bytes.subarray(0, bytes.length / 3));
    await expect(decodeImage(at('cut.jpg'), { size: 256 })).rejects.toMatchObject({ code: 'corrupt_media' });
  });
});

/** A PNG that ends after its header. */
function pngHeader(width: number, height: number): Buffer {
  const chunk = Buffer.from('IHDR\0\0\0\0\0\0\0\0\x08\x02\0\0\0', 'latin1');
  chunk.writeUInt32BE(width, 4);
  chunk.writeUInt32BE(height, 8);
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(crc32(chunk));
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n\0\0\0\r', 'latin1'), chunk, crc]);
}
