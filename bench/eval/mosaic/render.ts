import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import sharp from 'sharp';
import { runProcess } from '#platform';
import type { Scene, Script } from './script.js';
import type { Placed } from './score.js';

export interface Rendered {
  film: string;
  notes: string;
  scenes: Placed[];
}

const WIDTH = 960;
const HEIGHT = 540;
const FPS = 10;
/** espeak-ng's own. */
const SAMPLE_RATE = 22_050;
/** Silence before and after what is said. */
const LEAD_SECONDS = 0.4;
const TAIL_SECONDS = 0.8;
const SHORTEST_SECONDS = 4;

/** Renders a script with ffmpeg and espeak-ng into `folder`; scenes begin and end on frames. */
export async function render(script: Script, data: string, folder: string): Promise<Rendered> {
  const speech: Int16Array[] = [];
  const scenes: Placed[] = [];
  const list: string[] = [];
  let start = 0;
  for (const [index, scene] of script.scenes.entries()) {
    const samples = await say(scene.said, join(folder, 'say.wav'));
    const seconds = Math.max(SHORTEST_SECONDS, LEAD_SECONDS + samples.length / SAMPLE_RATE + TAIL_SECONDS);
    const end = start + Math.ceil(seconds * FPS) / FPS;
    speech.push(samples);
    scenes.push({ start, end });
    const picture = join(folder, `${script.name}-${index}.png`);
    await draw(scene, data, picture);
    list.push(`file '${picture}'`, `duration ${(end - start).toFixed(3)}`);
    start = end;
  }
  const track = new Int16Array(Math.ceil(start * SAMPLE_RATE));
  scenes.forEach((scene, i) => track.set(speech[i] ?? [], Math.round((scene.start + LEAD_SECONDS) * SAMPLE_RATE)));
  const film = join(folder, `${script.name}.mp4`);
  const [pictures, sound] = [join(folder, 'pictures.txt'), join(folder, 'sound.pcm')];
  // The last picture is listed again without a duration: the concat demuxer would end with its first frame.
  await writeFile(pictures, [...list, list.at(-2) ?? ''].join('\n'));
  await writeFile(sound, Buffer.from(track.buffer));
  await runProcess('ffmpeg', [
    '-v', 'error', '-y', '-f', 'concat', '-safe', '0', '-i', pictures, '-f', 's16le', '-ar', String(SAMPLE_RATE), '-ac', '1', '-i', sound,
    '-t', start.toFixed(3), '-vf', `fps=${FPS},format=yuv420p`, '-c:v', 'libx264', '-preset', 'ultrafast', '-g', '50', '-c:a', 'aac', film,
  ]); // prettier-ignore
  const notes = join(folder, `${script.name}-notes.txt`);
  await writeFile(notes, `${script.notes.join('\n')}\n`);
  return { film, notes, scenes };
}

async function say(text: string, file: string): Promise<Int16Array> {
  await runProcess('espeak-ng', ['-v', 'en-us', '-s', '145', '-w', file, text]);
  const wav = await readFile(file);
  const data = wav.indexOf('data', 12, 'latin1') + 8;
  return new Int16Array(
    wav.buffer.slice(wav.byteOffset + data, wav.byteOffset + wav.length - ((wav.length - data) % 2)),
  );
}

async function draw(scene: Scene, data: string, file: string): Promise<void> {
  const source = scene.picture
    ? await readFile(resolve(data, scene.picture.file))
    : Buffer.from(slide(scene.slide ?? []));
  await sharp(source).resize(WIDTH, HEIGHT, { fit: 'contain', background: '#000000' }).flatten().png().toFile(file);
}

function slide([title = '', ...lines]: string[]): string {
  const text = (line: string, y: number, size: number): string =>
    `<text x="80" y="${y}" font-size="${size}">${line.replace(/&/g, '&amp;').replace(/</g, '&lt;')}</text>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" font-family="sans-serif" fill="#1b2a41">
    <rect width="${WIDTH}" height="${HEIGHT}" fill="#fafafa"/>${text(title, 130, 56)}
    ${lines.map((line, i) => text(line, 240 + 80 * i, 40)).join('')}</svg>`;
}
