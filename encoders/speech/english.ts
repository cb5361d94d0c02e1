import type { Utterance } from '#contracts';

/** Words that about every second word of any English text is one of. */
const COMMON = new Set(
  (
    'the of and to a in is it you that he was for on are with as i his they be at one have this from or had by not but what all were we when your can ' +
    'said there use an each which she do how their if will up other about out many then them these so some her would make like him into time has look two more ' +
    'go see no way could my than been who its now did get come may over know just our me very am because here any after why where'
  ).split(' '),
);
/** Fewer words say nothing about the language. */
const ENOUGH_WORDS = 12;
const LEAST_COMMON = 0.22;
const LEAST_LOGPROB = -0.62;
/** One long stretch that the model is this unsure of is enough. */
const DOUBTFUL_LOGPROB = -0.75;
const DOUBTFUL_SECONDS = 4;

export const NOT_ENGLISH =
  'The speech does not seem to be English, which is the only language of this speech model: the text is probably wrong. Install a Whisper pack for other languages.';

/** A cheap check: English text is full of a few small words, and the model is sure of it. */
export function seemsEnglish(segments: readonly Utterance[]): boolean {
  if (
    segments.some(({ start, end, avgLogprob = 0 }) => avgLogprob < DOUBTFUL_LOGPROB && end - start >= DOUBTFUL_SECONDS)
  )
    return false;
  const words = segments.flatMap(({ text }) => text.toLowerCase().match(/[a-z']+/g) ?? []);
  if (words.length < ENOUGH_WORDS) return true;
  const common = words.filter((word) => COMMON.has(word.replace(/'.*$/, ''))).length / words.length;
  const seconds = segments.reduce((sum, { start, end }) => sum + end - start, 0);
  const logprob =
    segments.reduce((sum, { start, end, avgLogprob = 0 }) => sum + avgLogprob * (end - start), 0) / seconds;
  return common >= LEAST_COMMON && logprob >= LEAST_LOGPROB;
}
