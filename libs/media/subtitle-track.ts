import type { Track } from '#contracts';
import { subtitleBlocks } from './documents/subtitles.js';
import { runFfmpeg } from './ffmpeg.js';
import { subtitlePlan } from './ffmpeg-plan.js';
import { DEFAULT_LIMITS, type MediaLimits } from './limits.js';

/** A cue of an embedded subtitle track; seconds. */
export interface Subtitle {
  start: number;
  end: number;
  text: string;
}

/** Subtitles that are pictures (DVD, Blu-ray) are none of these. */
const TEXT_CODECS = new Set('subrip srt mov_text ass ssa webvtt text ttml microdvd stl sami subviewer'.split(' '));
const MAX_BYTES = 8 * 1024 ** 2;

/** The track to read: the first of the wanted language or of none, else the first; undefined when there is none of text. */
export function subtitleTrack(tracks: readonly Track[], language = 'en'): Track | undefined {
  const texts = tracks.filter((track) => track.kind === 'subtitle' && TEXT_CODECS.has(track.codec));
  return texts.find((track) => speaks(track, language)) ?? texts[0];
}

/** Whether a track is in a language (two letters), or does not say. Containers write "eng" for "en". */
export const speaks = ({ language }: Pick<Track, 'language'>, wanted: string): boolean =>
  language === undefined || language.slice(0, 2).toLowerCase() === wanted;

/**
 * The cues of an embedded subtitle track. What is damaged ends the list early.
 * @throws TesseraError tool_missing, timeout, cancelled
 */
export async function readSubtitles(
  file: string,
  track: Pick<Track, 'index'>,
  { limits, signal }: { limits?: Partial<MediaLimits>; signal?: AbortSignal } = {},
): Promise<Subtitle[]> {
  const { timeoutMs } = { ...DEFAULT_LIMITS, ...limits };
  const run = runFfmpeg(subtitlePlan(file, track.index), { timeoutMs, ...(signal ? { signal } : {}) });
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of run.stdout) {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) break;
    chunks.push(Buffer.from(chunk));
  }
  const text = Buffer.concat(chunks).toString('utf8');
  return subtitleBlocks(text).map(({ text: words, start = 0, end = start }) => ({ start, end, text: words }));
}
