import { rm, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SpeechRecognizer } from '#encoders/speech';
import { decodeAudio } from '#media';
import { runProcess } from '#platform';
import type { Row } from './report.js';

/** Sounds without a word, made by sox: ten minutes in all. */
export const WORDLESS: Record<string, string[]> = {
  silence: ['trim', '0', '60'],
  'white noise': ['synth', '60', 'whitenoise', 'vol', '0.2'],
  'loud white noise': ['synth', '60', 'whitenoise', 'vol', '0.9'],
  'brown noise': ['synth', '60', 'brownnoise', 'vol', '0.6'],
  hum: ['synth', '60', 'sine', '50', 'synth', '60', 'sine', 'mix', '100', 'vol', '0.5'],
  fan: ['synth', '60', 'pinknoise', 'band', '-n', '300', '200', 'tremolo', '4', '40', 'vol', '2'],
  tones: ['synth', '60', 'sine', '300-3300', 'tremolo', '1', '90', 'vol', '0.5'],
  pluck: ['synth', '2', 'pluck', 'C4', 'pluck', 'E4', 'pluck', 'G4', 'repeat', '29', 'vol', '0.5'],
  drum: ['synth', '0.4', 'brownnoise', 'fade', 't', '0', '0.4', '0.35', 'repeat', '149', 'vol', '0.9'],
  clicks: ['synth', '0.01', 'square', '1000', 'pad', '0', '0.49', 'repeat', '119'],
};

/** Words that were written where nobody speaks, by kind of sound. */
export async function falseText(recognizer: SpeechRecognizer): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-wordless-'));
  try {
    const rows: Row[] = [];
    for (const [sound, effects] of Object.entries(WORDLESS)) {
      const file = join(folder, 'sound.wav');
      await runProcess('sox', ['-R', '-n', '-r', '16000', '-c', '1', file, ...effects]);
      const { text, duration } = await recognizer.transcribe(decodeAudio(file));
      rows.push({
        sound,
        seconds: Math.round(duration),
        words: text === '' ? 0 : text.split(' ').length,
        text: text.slice(0, 40),
      });
    }
    return rows;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
