import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSpeechRecognizer } from '#encoders/speech';
import { decodeAudio } from '#media';
import { runProcess } from '#platform';
import { evalArguments } from './arguments.js';
import { openMoonshinePeer } from './moonshine-peer.js';
import { report, type Row } from './report.js';
import { joined, speechPack, speechSet } from './speech-data.js';

/** Seconds that the peer, which does not cut long sound itself, gets at a time. */
const PEER_SECONDS = 15;
const SECONDS = 300;
const ROUNDS = 3;

/**
 * Real-time factors (seconds of sound in a second) on one long file, decoding of the file and voice activity detection
 * included, against @huggingface/transformers with the same files and threads on the decoded sound in 15 s pieces.
 * Both take turns; the best round of each counts.
 */
export async function run(args: string[]): Promise<void> {
  const { data, limit } = evalArguments(args);
  const { pack, graphs, threads } = await speechPack();
  const pause = new Float32Array(8_000);
  const whole = joined((await speechSet(data, limit)).flatMap(({ samples }) => [samples, pause])).slice(
    0,
    SECONDS * 16_000,
  );
  const seconds = whole.length / 16_000;
  const folder = await mkdtemp(join(tmpdir(), 'tessera-bench-'));
  const recognizer = await createSpeechRecognizer({ pack, graphs, threads });
  const peer = await openMoonshinePeer(pack, threads);
  try {
    const file = join(folder, 'speech.mp3');
    await writeFile(join(folder, 'speech.f32'), whole);
    await runProcess('ffmpeg', [
      '-v',
      'error',
      '-f',
      'f32le',
      '-ar',
      '16000',
      '-ac',
      '1',
      '-i',
      join(folder, 'speech.f32'),
      '-b:a',
      '64k',
      file,
    ]);
    const ours = async (words: boolean) => void (await recognizer.transcribe(decodeAudio(file), { words }));
    const theirs = async () => {
      for (let at = 0; at < whole.length; at += PEER_SECONDS * 16_000)
        await peer.transcribe(whole.slice(at, at + PEER_SECONDS * 16_000));
    };
    const contestants: [string, () => Promise<void>][] = [
      ['tessera', () => ours(false)],
      [`@huggingface/transformers ${peer.version}`, theirs],
      ['tessera with word times', () => ours(true)],
    ];
    const best = new Map<string, number>();
    for (let round = 0; round < ROUNDS; round++)
      for (const [name, work] of contestants) {
        const started = performance.now();
        await work();
        best.set(name, Math.min(best.get(name) ?? Infinity, (performance.now() - started) / 1000));
      }
    const reference = best.get(contestants[1]![0])!;
    const rows: Row[] = [...best].map(([what, time]) => ({
      what,
      threads,
      seconds,
      RTFx: seconds / time,
      'to the peer': reference / time,
    }));
    report('asr', rows);
  } finally {
    await recognizer.dispose();
    await peer.dispose();
    await rm(folder, { recursive: true, force: true });
  }
}
