import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSpeechRecognizer } from '#encoders/speech';
import { decodeAudio, decodeFrames, probe, still, type VideoFrame } from '#media';
import sharp from 'sharp';
import { ffmpeg, mediaFolder, say, sox } from '../support/media.js';
import { moonshinePack } from '../support/speech-pack.js';

const folder = mediaFolder('film-times');
const at = folder.file;
const ONE_FRAME = 0.05;

const film = ['-i', at('film.mp4')];
const encode = ['-c:v', 'libx264', '-preset', 'veryfast', '-bf', '3', '-g', '50', '-c:a', 'aac'];

/** How a file's times can differ from counting its frames, and by how much what it shows is moved (seconds). */
const FILES: [what: string, name: string, args: string[], moved: number][] = [
  ['as it was made, with B-frames', 'plain.mp4', [...film, '-c', 'copy'], 0],
  ['a variable frame rate: 25, then 4, then 10', 'vfr.mkv', [...film, '-vf', "select='lt(t,3)+gte(t,3)*lt(t,6)*not(mod(n-75,6))+gte(t,6)*not(mod(n-150,2))'", '-fps_mode', 'vfr', ...encode], 0], // prettier-ignore
  ['an edit list: begins between two key frames', 'edit.mp4', ['-ss', '1.3', ...film, '-c', 'copy'], -1.3],
  ['a start time of 5 s', 'offset.ts', [...film, '-c', 'copy', '-output_ts_offset', '5', '-muxdelay', '0', '-muxpreload', '0'], 0], // prettier-ignore
  ['a negative start time', 'negative.mp4', [...film, '-c', 'copy', '-output_ts_offset', '-2', '-avoid_negative_ts', 'disabled'], -2], // prettier-ignore
  [
    'an input offset of -1 s, for which MP4 writes an edit list',
    'early.mp4',
    ['-itsoffset', '-1', ...film, '-c', 'copy'],
    -1,
  ],
  [
    'an input offset of -1 s in Matroska, which cannot begin before 0',
    'early.mkv',
    ['-itsoffset', '-1', ...film, '-c', 'copy'],
    0,
  ],
  ['an input offset of -1 s in a transport stream', 'early.ts', ['-itsoffset', '-1', ...film, '-c', 'copy'], 0],
  ['an edit list of an edit list', 'edit-twice.mp4', ['-ss', '0.7', '-i', at('edit.mp4'), '-c', 'copy'], -2],
  ['an edit list in QuickTime', 'edit.mov', ['-ss', '1.3', ...film, '-c', 'copy'], -1.3],
  ['rotation', 'turned.mp4', [...film, '-c', 'copy', '-metadata:s:v', 'rotate=90'], 0],
];

beforeAll(() => {
  // 3 s of red, of green and of blue; silence, and a tone from 3 s on.
  const colours = ['red', 'lime', 'blue'].flatMap((c) => ['-f', 'lavfi', '-i', `color=${c}:s=320x180:r=25:d=3`]);
  ffmpeg(
    ...colours, '-f', 'lavfi', '-i', 'sine=440:d=9', '-filter_complex', "concat=n=3[v];[3]volume='gte(t,3)':eval=frame[a]",
    '-map', '[v]', '-map', '[a]', '-pix_fmt', 'yuv420p', ...encode, at('film.mp4'),
  ); // prettier-ignore
  for (const [, name, args] of FILES) ffmpeg(...args, at(name));
  // The picture begins 2 s after the sound.
  ffmpeg('-itsoffset', '2', ...film, ...film, '-map', '0:v', '-map', '1:a', '-c', 'copy', at('late.mkv'));
});
afterAll(() => folder.dispose());

const colourOf = (rgb: Uint8Array): string => {
  const middle = rgb.subarray(3 * (rgb.length / 6), 3 * (rgb.length / 6) + 3);
  return ['red', 'green', 'blue'][middle.indexOf(Math.max(...middle))] ?? '';
};

async function scenes(file: string, options: object = {}): Promise<[colour: string, t: number][]> {
  const frames: VideoFrame[] = [];
  for await (const frame of decodeFrames(file, { facts: await probe(file), size: 64, ...options })) frames.push(frame);
  return frames.map(({ t, rgb }) => [colourOf(rgb), t]);
}

async function soundFrom(file: string, start = 0): Promise<number> {
  let samples = 0;
  for await (const piece of decodeAudio(file, { start })) {
    const heard = piece.findIndex((value) => Math.abs(value) > 0.02);
    if (heard >= 0) return start + (samples + heard) / 16_000;
    samples += piece.length;
  }
  return Infinity;
}

function expectScenes(found: [string, number][], expected: [string, number][]): void {
  expect(found.map(([colour]) => colour)).toEqual(expected.map(([colour]) => colour));
  found.forEach(([, t], i) => expect(Math.abs(t - expected[i]![1])).toBeLessThanOrEqual(ONE_FRAME));
}

describe.each(FILES)('%s', (_what, name, _args, moved) => {
  const [green, blue] = [3 + moved, 6 + moved];

  test('scenes have the times at which a player shows them', async () => {
    expectScenes(await scenes(at(name)), [['red', 0], ['green', green], ['blue', blue]]); // prettier-ignore
  });

  test('so has sound', async () => {
    expect(Math.abs((await soundFrom(at(name))) - green)).toBeLessThan(0.1);
    expect(Math.abs((await soundFrom(at(name), 1)) - green)).toBeLessThan(0.1);
  });

  test('a part has the times of the whole', async () => {
    const part = { start: green - 1, end: blue - 1 };
    expectScenes(await scenes(at(name), part), [['red', part.start], ['green', green]]); // prettier-ignore
  });

  test('a frame is found by its time', async () => {
    for (const [colour, t] of [
      ['red', green - 0.3],
      ['green', green + 0.3],
      ['green', blue - 0.3],
      ['blue', blue + 0.3],
    ] as const) {
      // prettier-ignore
      const [[found] = []] = await scenes(at(name), { times: [t] });
      expect([t, found]).toEqual([t, colour]);
    }
    const facts = await probe(at(name));
    const shown = await sharp(await still(at(name), { facts, at: blue + 0.5 })).resize(64, 64).removeAlpha().raw().toBuffer(); // prettier-ignore
    expect(colourOf(shown)).toBe('blue');
  });
});

test('where the picture begins after the sound, both have the times of the file', async () => {
  expectScenes(await scenes(at('late.mkv')), [['red', 2], ['green', 5], ['blue', 8]]); // prettier-ignore
  expect(Math.abs((await soundFrom(at('late.mkv'))) - 3)).toBeLessThan(0.1);
});

test('where an edit list takes the beginning of the sound alone, both have the times of the file', async () => {
  ffmpeg('-itsoffset', '-1', ...film, ...film, '-map', '1:v', '-map', '0:a', '-c', 'copy', at('sound-early.mp4'));
  expectScenes(await scenes(at('sound-early.mp4')), [['red', 0], ['green', 3], ['blue', 6]]); // prettier-ignore
  expect(Math.abs((await soundFrom(at('sound-early.mp4'))) - 2)).toBeLessThan(0.1);
});

test('where an empty edit delays the picture, both have the times of the file', async () => {
  ffmpeg('-itsoffset', '2', ...film, ...film, '-map', '0:v', '-map', '1:a', '-c', 'copy', at('picture-late.mp4'));
  expectScenes(await scenes(at('picture-late.mp4')), [['red', 2], ['green', 5], ['blue', 8]]); // prettier-ignore
  expect(Math.abs((await soundFrom(at('picture-late.mp4'))) - 3)).toBeLessThan(0.1);
});

test('a slide that has one frame for all of its time is what is shown in the middle of it', async () => {
  ffmpeg(...film, '-an', '-vf', "select='not(mod(n,75))'", '-fps_mode', 'vfr', '-c:v', 'libx264', at('slides.mkv'));
  expect(await scenes(at('slides.mkv'), { times: [1.5, 4.5, 8] })).toMatchObject([['red', 0], ['green', 3], ['blue', 6]]); // prettier-ignore
});

test('what is said has the time at which a player says it', async () => {
  say('Please open the window, because the room is very warm.', at('said.wav'), '-v', 'en-us', '-s', '140');
  sox(at('said.wav'), '-r', '16000', at('spoken.wav'), 'pad', '3', '2');
  const video = ['-f', 'lavfi', '-i', 'color=gray:s=160x90:r=25:d=8', '-i', at('spoken.wav'), '-shortest'];
  ffmpeg(...video, '-pix_fmt', 'yuv420p', ...encode, at('spoken.mp4'));
  const files: [name: string, args: string[], moved: number][] = [
    ['spoken-edit.mp4', ['-ss', '1.3', '-i', at('spoken.mp4'), '-c', 'copy'], -1.3],
    ['spoken-early.mp4', ['-itsoffset', '-1', '-i', at('spoken.mp4'), '-c', 'copy'], -1],
    ['spoken-negative.mp4', ['-i', at('spoken.mp4'), '-c', 'copy', '-output_ts_offset', '-2', '-avoid_negative_ts', 'disabled'], -2], // prettier-ignore
    ['spoken-offset.ts', ['-i', at('spoken.mp4'), '-c', 'copy', '-output_ts_offset', '5'], 0],
  ];
  const recognizer = await createSpeechRecognizer({ pack: moonshinePack, graphs: at('graphs'), threads: 2 });
  try {
    const heard = async (name: string) => (await recognizer.transcribe(decodeAudio(at(name)), {})).segments;
    const [first] = await heard('spoken.mp4');
    expect(first?.start).toBeGreaterThan(2.8);
    expect(first?.start).toBeLessThan(3.4);
    for (const [name, args, moved] of files) {
      ffmpeg(...args, at(name));
      const [utterance] = await heard(name);
      expect([name, utterance?.text]).toEqual([name, expect.stringContaining('window')]);
      expect([name, Math.abs(utterance!.start - first!.start - moved) < 0.15]).toEqual([name, true]);
    }
  } finally {
    await recognizer.dispose();
  }
});
