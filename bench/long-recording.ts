import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProcess } from '#platform';
import { joined, type SpokenSentence } from './speech-data.js';

export interface LongRecording {
  file: string;
  seconds: number;
  dispose(): Promise<void>;
}

const PAUSE = new Float32Array(8_000);
/** Loudness goes up and down, so that no repetition is the same sound again, which would be recognised once only. */
const SWAYING = "volume='0.8+0.2*sin(t/97)':eval=frame";

/** An MP3 of many hours, made from sentences that are said again and again, with half a second after each. */
export async function longRecording(sentences: readonly SpokenSentence[], seconds: number): Promise<LongRecording> {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-long-'));
  const [once, file] = [join(folder, 'once.f32'), join(folder, 'long.mp3')];
  await writeFile(once, joined(sentences.flatMap(({ samples }) => [samples, PAUSE])));
  const input = ['-stream_loop', '-1', '-f', 'f32le', '-ar', '16000', '-ac', '1', '-i', once];
  const output = ['-t', String(seconds), '-af', SWAYING, '-b:a', '64k', '-compression_level', '9', file];
  await runProcess('ffmpeg', ['-v', 'error', ...input, ...output], { timeoutMs: 600_000 });
  return { file, seconds, dispose: () => rm(folder, { recursive: true, force: true }) };
}
