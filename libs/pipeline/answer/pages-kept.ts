import type { Medium } from '#contracts';

/** Of a film's file. With its other traces (visual tokens, timeline, words to be searched) a film stays below 15 %. */
const SHARE_OF_FILM = 0.1;

/**
 * Bytes on disk that the pages of whole timelines are worth, so that the next question after a restart finds them. Text needs far more as
 * pages than as text, so a low share of a film's file is already an hour of speech; where there is no film, the decoder's own bound holds.
 */
export function pagesKept(media: readonly Pick<Medium, 'kind' | 'bytes'>[]): number {
  if (media.every(({ kind }) => kind !== 'video')) return Infinity;
  return Math.floor(SHARE_OF_FILM * media.reduce((sum, { bytes }) => sum + bytes, 0));
}
