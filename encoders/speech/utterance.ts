import type { Utterance } from '#contracts';
import type { Recognition, SpeechVocabulary } from './recognition.js';
import { timedWords, type TimedWord } from './timed-words.js';

/** A stretch of sound that was recognised as a whole. Seconds of the file. */
export interface Heard {
  start: number;
  end: number;
  /** Mean speech probability. */
  confidence: number;
  result: Recognition;
}

/** Mean log probability below which text is noise that was taken for speech. */
const LEAST_LOGPROB = -1;
/** The same, for a stretch that the voice activity detector was not sure of either. */
const LEAST_LOGPROB_UNSURE = -0.75;
const UNSURE = 0.7;

const SENTENCE_END = /[.?!。？！]["'”’)」』）]?$/;

/** Utterances of what was heard: one a sentence, where the times of its tokens are known. Noise gives none. */
export function toUtterances(heard: Heard, vocabulary: SpeechVocabulary, words: boolean): Utterance[] {
  const { tokens, logprobs } = heard.result;
  const avgLogprob = mean(logprobs);
  const least = heard.confidence < UNSURE ? LEAST_LOGPROB_UNSURE : LEAST_LOGPROB;
  const text = vocabulary.decode(tokens);
  if (!/[\p{L}\p{N}]/u.test(text) || avgLogprob < least) return [];
  const sure = { avgLogprob, noSpeechProb: 1 - heard.confidence };
  if (!heard.result.starts) return [{ start: heard.start, end: heard.end, text, ...sure, tokens }];

  const timed = timedWords(heard, heard.result, vocabulary);
  const sentences: TimedWord[][] = [[]];
  for (const each of timed) {
    const open = sentences.at(-1)!;
    open.push(each);
    if (SENTENCE_END.test(each.word)) sentences.push([]);
  }
  const whole = sentences.filter((sentence) => sentence.length > 0);
  return whole.map((sentence, i) => {
    const ids = sentence.flatMap((each) => each.tokens);
    return {
      start: i === 0 ? heard.start : sentence[0]!.start,
      end: i === whole.length - 1 ? heard.end : sentence.at(-1)!.end,
      // Of the tokens, not of the words: they have the spaces, where the language writes any.
      text: vocabulary.decode(ids),
      ...sure,
      tokens: ids,
      ...(words ? { words: sentence.map(({ word, start, end }) => ({ word, start, end })) } : {}),
    };
  });
}

const mean = (values: readonly number[]): number =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
