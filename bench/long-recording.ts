import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProcess } from '#platform';
import type { SpokenSentence } from './speech-data.js';
import { joined } from './speech-data.js';

export interface LongRecording {
  file: string;
  seconds: number;
  dispose(): Promise<void>;
}

const PAUSE = new Float32Array(8_000);

/** An MP3 of many hours, made from sentences that are said again and again, with half a second after each. */
export async function longRecording(sentences: readonly SpokenSentence[], seconds: number): Promise<LongRecording> {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-long-'));
  const once = joined(sentences.flatMap(({ samples }) => [samples, PAUSE]));
  const [raw, part, list, file] = ['once.f32', 'once.mp3', 'list.txt', 'long.mp3'].map((name) => join(folder, name));
  await writeFile(raw!, once);
  const quiet = ['-v', 'error', '-y'];
  const format = ['-f', 'f32le', '-ar', '16000', '-ac', '1'];
  await runProcess('ffmpeg', [...quiet, ...format, '-i', raw!, '-b:a', '64k', part!]);
  const times = Math.ceil((seconds * 16_000) / once.length);
  await writeFile(list!, `file '${part}'\n`.repeat(times));
  const ends = ['-t', String(seconds), '-c', 'copy', file!];
  await runProcess('ffmpeg', [...quiet, '-f', 'concat', '-safe', '0', '-i', list!, ...ends]);
  return { file: file!, seconds, dispose: () => rm(folder, { recursive: true, force: true }) };
}
