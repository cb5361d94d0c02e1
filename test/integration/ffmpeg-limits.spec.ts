import { afterAll, beforeAll, expect, test } from 'vitest';
import { runFfmpegHere } from '../../libs/media/ffmpeg-process.js';
import { ffmpeg, mediaFolder } from '../support/media.js';

const folder = mediaFolder('ffmpeg-limits');
const film = folder.file('film.mp4');
beforeAll(() => {
  ffmpeg('-f', 'lavfi', '-i', 'testsrc2=size=1280x720:rate=25:duration=12', '-c:v', 'mpeg4', '-q:v', '8', film);
});
afterAll(() => folder.dispose());

const read = async (options: { memoryBytes?: number; timeoutMs?: number }) => {
  const plan = { input: film, inputOptions: [], outputOptions: ['-f', 'rawvideo', '-pix_fmt', 'rgb24'] };
  let bytes = 0;
  for await (const piece of runFfmpegHere(plan, { timeoutMs: 60_000, ...options }).stdout) bytes += piece.length;
  return bytes;
};

test.runIf(process.platform === 'linux')('a decoder that takes more memory than it may is stopped', async () => {
  await expect(read({ memoryBytes: 8 * 2 ** 20 })).rejects.toMatchObject({
    code: 'corrupt_media',
    message: 'Decoding the medium took more memory than it may.',
  });
});

test('one that takes less is not, and time is bounded too', async () => {
  expect(await read({})).toBe(12 * 25 * 1280 * 720 * 3);
  await expect(read({ timeoutMs: 300 })).rejects.toMatchObject({ code: 'timeout' });
});
