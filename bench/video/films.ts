import { join } from 'node:path';
import { writeFile } from 'node:fs/promises';
import sharp from 'sharp';
import { runProcess } from '#platform';

/** A 720p film made for a measurement. */
export interface MadeFilm {
  name: string;
  file: string;
  seconds: number;
  questions: [string, string];
}

const SIZE = '1280x720';
const SLIDE_SECONDS = 24;
const TOPICS = [
  'harbour',
  'library',
  'railway',
  'market',
  'school',
  'bridge',
  'theatre',
  'hospital',
  'garden',
  'museum',
];

const sentences = (topic: string, n: number): string =>
  `We now come to the ${topic}. The ${topic} was opened in the year ${1900 + n}. Last year the ${topic} had ${n + 2} thousand visitors. ` +
  `People who live in the town like the ${topic}, because it is close to the station.`;

/** Speech about one thing after the other, as long as is wanted at most; the same for the same length. */
async function speech(folder: string, seconds: number): Promise<string> {
  const text = Array.from({ length: Math.ceil(seconds / SLIDE_SECONDS) }, (_, i) => sentences(topic(i), i)).join(
    '\n\n',
  );
  const [file, words] = [join(folder, `speech-${seconds}.wav`), join(folder, 'speech.txt')];
  await writeFile(words, text);
  await runProcess('espeak-ng', ['-v', 'en-us', '-s', '150', '-f', words, '-w', file], { timeoutMs: 600_000 });
  return file;
}

const topic = (i: number): string => TOPICS[i % TOPICS.length] ?? '';

/** Slides that change every 24 s, and somebody who speaks all the time. */
export async function talk(folder: string, seconds: number, name = 'talk'): Promise<MadeFilm> {
  const slides = Math.ceil(seconds / SLIDE_SECONDS);
  const list: string[] = [];
  for (let i = 0; i < slides; i++) {
    const picture = join(folder, `slide-${i}.png`);
    await sharp(Buffer.from(slide(i))).png().toFile(picture); // prettier-ignore
    list.push(`file '${picture}'`, `duration ${SLIDE_SECONDS}`);
  }
  const pictures = join(folder, `${name}.txt`);
  await writeFile(pictures, [...list, list.at(-2) ?? ''].join('\n'));
  const input = ['-f', 'concat', '-safe', '0', '-i', pictures];
  return film({ folder, name, seconds, input, filter: 'fps=25,format=yuv420p' });
}

/** Everything moves and turns all the time, and every 5 s there is a cut. */
export async function busyFilm(folder: string, seconds: number): Promise<MadeFilm> {
  const input = ['-f', 'lavfi', '-i', `testsrc2=s=${SIZE}:r=25`, '-f', 'lavfi', '-i', `rgbtestsrc=s=${SIZE}:r=25`];
  const filter = `[0][1]overlay=enable='lt(mod(t,10),5)':x='40*mod(t,10)':y=100,rotate=t/7,hue=H=t/3,format=yuv420p`;
  return film({ folder, name: 'busy footage', seconds, input, filter, sound: 2 });
}

/** A quiet film at a low bit rate, for what memory and disk do over hours. */
export function longFilm(folder: string, seconds: number): Promise<MadeFilm> {
  const input = ['-f', 'lavfi', '-i', `testsrc=s=${SIZE}:r=5`];
  return film({ folder, name: 'long', seconds, input, filter: 'format=yuv420p' });
}

interface FilmRequest {
  folder: string;
  name: string;
  seconds: number;
  input: string[];
  filter: string;
  /** Number of the input that is the sound. */
  sound?: number;
}

async function film({ folder, name, seconds, input, filter, sound = 1 }: FilmRequest): Promise<MadeFilm> {
  const file = join(folder, `${name.replace(' ', '-')}.mp4`);
  const words = await speech(folder, Math.min(seconds, 3600));
  const args = [
    '-v', 'error', '-y', ...input, '-stream_loop', '-1', '-i', words, '-t', String(seconds), '-filter_complex', `${sound === 1 ? '[0]' : ''}${filter}[v]`,
    '-map', '[v]', '-map', `${sound}:a`, '-c:v', 'libx264', '-preset', 'ultrafast', '-g', '100', '-c:a', 'aac', '-b:a', '96k', '-ac', '1', file,
  ]; // prettier-ignore
  await runProcess('ffmpeg', args, { timeoutMs: 3_600_000 });
  return {
    name,
    file,
    seconds,
    questions: ['In which year was the library opened?', 'How many visitors did the market have?'],
  };
}

function slide(i: number): string {
  const lines = [`The ${topic(i)}`, `Opened: ${1900 + i}`, `Visitors: ${i + 2} thousand`];
  const text = lines.map(
    (line, at) => `<text x="100" y="${180 + 120 * at}" font-size="${at === 0 ? 72 : 48}">${line}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" width="1280" height="720" font-family="sans-serif" fill="#1b2a41">
    <rect width="1280" height="720" fill="#fafafa"/>${text.join('')}</svg>`;
}
