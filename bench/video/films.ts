import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runProcess } from '#platform';
import { scenery, slide } from './scenes.js';

/** A 720p film made for a measurement. */
export interface MadeFilm {
  name: string;
  file: string;
  seconds: number;
  questions: [string, string];
}

const SLIDE_SECONDS = 24;
const SCENE_SECONDS = 5;
/** Longer films repeat their pictures: to encode an hour would take longer than to measure it. Sound is never repeated within an hour. */
const PICTURE_SECONDS = 240;
const SOUND_SECONDS = 3600;
/** x264's own habits: key frames up to 10 s apart and three frames between two that others refer to. */
const ENCODER = ['-c:v', 'libx264', '-preset', 'superfast', '-g', '250', '-bf', '3', '-pix_fmt', 'yuv420p'];

const TOPICS = ['harbour', 'library', 'railway', 'market', 'school', 'bridge', 'theatre', 'hospital', 'garden', 'museum']; // prettier-ignore
const QUESTIONS: [string, string] = ['In which year was the library opened?', 'How many visitors did the market have?'];

const topic = (i: number): string => TOPICS[i % TOPICS.length] ?? '';
const count = (seconds: number, each: number): number[] => [...Array(Math.ceil(seconds / each)).keys()];

/**
 * Slides that change every 24 s, in their corner the camera's picture of somebody who moves a little, and somebody who speaks all the
 * time: 1.5 Mbit/s, as a recorded lecture has.
 */
export async function talk(folder: string, seconds: number, name: string): Promise<MadeFilm> {
  const slides = await Promise.all(
    count(Math.min(seconds, PICTURE_SECONDS), SLIDE_SECONDS).map(async (i) => {
      const file = join(folder, `${name}-${i}.png`);
      await slide(file, [`The ${topic(i)}`, `Opened: ${1900 + i}`, `Visitors: ${i + 2} thousand`]);
      return file;
    }),
  );
  const camera = join(folder, `${name}-camera.png`);
  await scenery(camera, 7);
  const pictures = [...(await pictureShow(folder, name, slides, SLIDE_SECONDS)), '-loop', '1', '-framerate', '25', '-i', camera]; // prettier-ignore
  const filter =
    `[0]fps=25[slides];[1]crop=320:240:x='400+60*sin(t/2)+8*sin(t*7)':y='300+20*sin(t*3)'[speaker];` +
    `[slides][speaker]overlay=940:460,noise=alls=4:allf=t[v]`;
  return film({ folder, name, seconds, pictures, filter, kbits: 1500 });
}

/** The camera moves all the time, something passes before it, and every 5 s there is a cut: 3 Mbit/s. */
export async function busyFilm(folder: string, seconds: number, name: string): Promise<MadeFilm> {
  const scenes = count(Math.min(seconds, PICTURE_SECONDS / 2), SCENE_SECONDS).map((i) =>
    join(folder, `scene-${i}.png`),
  );
  for (const [i, file] of scenes.entries()) await scenery(file, 100 + i);
  const thing = join(folder, 'thing.png');
  await scenery(thing, 99);
  const pictures = [...(await pictureShow(folder, name, scenes, SCENE_SECONDS)), '-loop', '1', '-framerate', '25', '-i', thing]; // prettier-ignore
  const filter =
    `[0]fps=25,crop=1280:720:x='160+150*sin(t*0.8)':y='90+80*cos(t*1.1)'[scene];[1]crop=200:200:x=300+t:y=300[thing];` +
    `[scene][thing]overlay=x='mod(t*160,1480)-200':y='260+150*sin(t*2)',noise=alls=8:allf=t[v]`;
  return film({ folder, name, seconds, pictures, filter, kbits: 3000 });
}

/** Pictures one after the other, each for so long, as ffmpeg's input. */
async function pictureShow(folder: string, name: string, files: readonly string[], each: number): Promise<string[]> {
  const list = join(folder, `${name}.txt`);
  const entries = files.flatMap((file) => [`file '${file}'`, `duration ${each}`]);
  await writeFile(list, [...entries, `file '${files.at(-1)}'`].join('\n'));
  return ['-f', 'concat', '-safe', '0', '-i', list];
}

interface FilmRequest {
  folder: string;
  name: string;
  seconds: number;
  /** ffmpeg's inputs, and what makes [v] of them. */
  pictures: string[];
  filter: string;
  kbits: number;
}

async function film({ folder, name, seconds, pictures, filter, kbits }: FilmRequest): Promise<MadeFilm> {
  const [silent, file] = ['silent.mp4', 'mp4'].map((end) =>
    join(folder, `${name.replace(' ', '-')}-${seconds}.${end}`),
  );
  const ffmpeg = (args: string[]) =>
    runProcess('ffmpeg', ['-v', 'error', '-y', ...args], { timeoutMs: 3_600_000, maxOutputBytes: 1 << 20 });
  const rate = ['-b:v', `${kbits}k`, '-maxrate', `${2 * kbits}k`, '-bufsize', `${4 * kbits}k`];
  const rendered = String(Math.min(seconds, PICTURE_SECONDS));
  await ffmpeg([...pictures, '-t', rendered, '-filter_complex', filter, '-map', '[v]', ...ENCODER, ...rate, silent!]);
  const words = await speech(folder, Math.min(seconds, SOUND_SECONDS));
  await ffmpeg([
    '-stream_loop', '-1', '-i', silent!, '-stream_loop', '-1', '-i', words, '-map', '0:v', '-map', '1:a', '-t', String(seconds),
    '-c:v', 'copy', '-c:a', 'aac', '-b:a', '96k', '-ac', '1', file!,
  ]); // prettier-ignore
  return { name, file: file!, seconds, questions: QUESTIONS };
}

const sentences = (n: number): string =>
  `We now come to the ${topic(n)}. The ${topic(n)} was opened in the year ${1900 + n}. Last year the ${topic(n)} had ${n + 2} thousand visitors. ` +
  `People who live in the town like the ${topic(n)}, because it is close to the station.`;

/** Speech about one thing after the other, as long as is wanted at most; the same for the same length. */
async function speech(folder: string, seconds: number): Promise<string> {
  const [file, words] = [join(folder, `speech-${seconds}.wav`), join(folder, 'speech.txt')];
  await writeFile(words, count(seconds, SLIDE_SECONDS).map(sentences).join('\n\n'));
  await runProcess('espeak-ng', ['-v', 'en-us', '-s', '150', '-f', words, '-w', file], { timeoutMs: 600_000 });
  return file;
}
