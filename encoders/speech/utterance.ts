import type { TranscriptWord, Utterance } from '#contracts';
import type { Recognition, SpeechVocabulary } from './recognition.js';

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

const SAMPLE_RATE = 16_000;
const SENTENCE_END = /[.?!]["'”’)]?$/;

/** To the millisecond. */
export const rounded = (seconds: number): number => Math.round(seconds * 1000) / 1000;

/** Utterances of what was heard: one a sentence, where the times of its tokens are known. Noise gives none. */
export function toUtterances(heard: Heard, vocabulary: SpeechVocabulary, words: boolean): Utterance[] {
  const { tokens, logprobs } = heard.result;
  const avgLogprob = mean(logprobs);
  const least = heard.confidence < UNSURE ? LEAST_LOGPROB_UNSURE : LEAST_LOGPROB;
  const text = vocabulary.decode(tokens);
  if (!/[\p{L}\p{N}]/u.test(text) || avgLogprob < least) return [];
  const sure = { avgLogprob, noSpeechProb: 1 - heard.confidence };
  if (!heard.result.starts) return [{ start: heard.start, end: heard.end, text, ...sure, tokens }];

  const timed = timedWords(heard, vocabulary);
  const sentences: TimedWord[][] = [[]];
  for (const each of timed) {
    const open = sentences.at(-1)!;
    open.push(each);
    if (SENTENCE_END.test(each.word)) sentences.push([]);
  }
  const whole = sentences.filter((sentence) => sentence.length > 0);
  return whole.map((sentence, i) => ({
    start: i === 0 ? heard.start : sentence[0]!.start,
    end: i === whole.length - 1 ? heard.end : sentence.at(-1)!.end,
    text: sentence.map(({ word }) => word).join(' '),
    ...sure,
    tokens: sentence.flatMap((each) => each.tokens),
    ...(words ? { words: sentence.map(({ word, start, end }) => ({ word, start, end })) } : {}),
  }));
}

interface TimedWord extends TranscriptWord {
  tokens: number[];
}

/** Words with their times in seconds of the file: monotonic, inside the stretch and covering it. */
function timedWords({ start, end, result }: Heard, vocabulary: SpeechVocabulary): TimedWord[] {
  const { tokens, starts = [] } = result;
  const groups: { tokens: number[]; at: number }[] = [];
  tokens.forEach((id, i) => {
    const begins = vocabulary.piece(id).startsWith(' ');
    if (groups.length === 0 || begins) groups.push({ tokens: [], at: starts[i]! });
    groups.at(-1)!.tokens.push(id);
  });
  const words = groups
    .map((group) => ({
      word: vocabulary.decode(group.tokens),
      tokens: group.tokens,
      at: Math.min(end, rounded(start + group.at / SAMPLE_RATE)),
    }))
    .filter(({ word }) => word !== '');
  return words.map(({ word, tokens: ids, at }, i) => ({
    word,
    tokens: ids,
    start: i === 0 ? start : at,
    end: words[i + 1]?.at ?? end,
  }));
}

const mean = (values: readonly number[]): number =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
