import { rm, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SpeechRecognizer } from '#encoders/speech';
import { decodeAudio } from '#media';
import { runProcess } from '#platform';
import type { Row } from './report.js';
import { wholeSound } from './speech-data.js';

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

const BEFORE = 'Please open the window, because the room is very warm.';
const AFTER = 'Her name is Molly, and she sleeps in the garden all day.';
/** Speech is heard this much before and after it is said: padding of the stretch, and the sound that runs over it. */
const MARGIN = 1;

/**
 * Words that were written where nobody speaks, by kind of sound: alone, and between two sentences (espeak-ng), where a model
 * may repeat what it heard before.
 */
export async function falseText(recognizer: SpeechRecognizer): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-wordless-'));
  const at = (name: string): string => join(folder, `${name}.wav`);
  const duration = async (name: string): Promise<number> => (await wholeSound(at(name))).length / 16_000;
  try {
    for (const [name, said] of Object.entries({ before: BEFORE, after: AFTER })) {
      await runProcess('espeak-ng', ['-v', 'en-us', '-s', '140', '-w', at('said'), said]);
      await runProcess('sox', [at('said'), '-r', '16000', at(name)]);
    }
    const spoken = { before: await duration('before'), after: await duration('after') };
    const rows: Row[] = [];
    for (const [sound, effects] of Object.entries(WORDLESS)) {
      await runProcess('sox', ['-R', '-n', '-r', '16000', '-c', '1', at('sound'), ...effects]);
      await runProcess('sox', [at('before'), at('sound'), at('after'), at('between')]);
      const alone = await recognizer.transcribe(decodeAudio(at('sound')));
      const between = await recognizer.transcribe(decodeAudio(at('between')), { words: true });
      const inSound = between.segments
        .flatMap(({ words = [] }) => words)
        .filter(({ start, end }) => start > spoken.before + MARGIN && end < between.duration - spoken.after - MARGIN);
      const text = [alone.text, ...inSound.map(({ word }) => word)].join(' ').trim();
      rows.push({
        sound,
        seconds: Math.round(alone.duration),
        words: count(alone.text),
        'words between sentences': inSound.length,
        text: text.slice(0, 40),
      });
    }
    const sum = (column: string): number => rows.reduce((total, row) => total + Number(row[column]), 0);
    const [seconds, words, more] = ['seconds', 'words', 'words between sentences'].map(sum) as [number, number, number];
    const all = { sound: 'all', seconds, words, 'words between sentences': more };
    return [...rows, { ...all, text: `${((60 * (words + more)) / (2 * seconds)).toFixed(2)} false words a minute` }];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const count = (text: string): number => (text === '' ? 0 : text.split(' ').length);
