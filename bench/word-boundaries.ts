import type { SpeechRecognizer } from '#encoders/speech';
import type { Row } from './report.js';
import { inSeconds, joined, type SpokenSentence } from './speech-data.js';

const RATE = 16_000;
/** Quieter than this share of the peak is silence before and after a sentence. */
const QUIET = 0.02;
const TOLERANCE = 0.2;

/**
 * Joins sentences without a pause, so that a word ends and another begins at a known place, and asks how far the nearest
 * boundary of words is from it.
 */
export async function jointErrors(recognizer: SpeechRecognizer, sentences: readonly SpokenSentence[]): Promise<Row> {
  const errors: number[] = [];
  for (let i = 0; i + 1 < sentences.length; i += 2) {
    const [a, b] = [trimmed(sentences[i]!.samples), trimmed(sentences[i + 1]!.samples)];
    const joint = a.length / RATE;
    const { segments } = await recognizer.transcribe(inSeconds(joined([a, b])), { words: true });
    const starts = segments.flatMap(({ words = [] }) => words.map(({ start }) => start));
    if (starts.length > 1) errors.push(Math.min(...starts.slice(1).map((start) => Math.abs(start - joint))));
  }
  return {
    joints: errors.length,
    'mean error s': errors.reduce((sum, error) => sum + error, 0) / errors.length,
    'within 0.2 s %': (100 * errors.filter((error) => error <= TOLERANCE).length) / errors.length,
  };
}

function trimmed(samples: Float32Array): Float32Array {
  let peak = 0;
  for (const value of samples) peak = Math.max(peak, Math.abs(value));
  const loud = (value: number) => Math.abs(value) > QUIET * peak;
  return samples.slice(samples.findIndex(loud), samples.findLastIndex(loud) + 1);
}
