import { TesseraError, type SeeOptions } from '#contracts';
import type { MediaLimits } from './limits.js';

/** How to take frames: one pass with ffmpeg's select filter, or a seek for each time. Times are relative to the range's start. */
export type FramePasses =
  | { type: 'select'; select: string; count: number; keyFramesOnly: boolean; dropDuplicates: boolean }
  | { type: 'seek'; times: number[] };

export interface FrameSource {
  /** Seconds of the range to look at; undefined when the file does not say how long it is. */
  span: number | undefined;
  /** Longest distance between key frames in seconds, when known. */
  keyFrameGap?: number;
}

/** A still scene is looked at this often (seconds), unless that would be more than maxFrames. */
const LONGEST_GAP = 4;
/** Cuts closer than this (seconds) count as one. */
const SHORTEST_GAP = 0.5;
/** ffmpeg's scene score, 0 to 1: a cut is above it, a moving camera below. */
const CUT = 0.3;
/** Seeking costs about as much as decoding this many seconds. */
const SEEK_WORTH = 10;
/** Key frames alone are decoded when the file is longer than this (seconds) and has one at least every LONGEST_GAP. */
export const KEY_FRAMES_FROM = 60;

export function planFrames(
  options: SeeOptions,
  source: FrameSource,
  limits: Pick<MediaLimits, 'maxFrames'>,
): FramePasses {
  const { fps, numFrames } = options;
  const { maxFrames } = limits;
  const { span } = source;
  if (fps !== undefined && numFrames !== undefined)
    throw new TesseraError('invalid_request', 'Give fps or numFrames, not both.', { param: 'fps' });
  if (numFrames !== undefined) return byNumber(numFrames, span, maxFrames);
  if (fps !== undefined) return byRate(fps, span, maxFrames);

  const gap = Math.max(LONGEST_GAP, (span ?? 0) / maxFrames);
  const due = `isnan(prev_selected_t)+gte(t-prev_selected_t,${gap})`;
  return {
    type: 'select',
    select: `${due}+gt(scene,${CUT})*gte(t-prev_selected_t,${SHORTEST_GAP})`,
    count: maxFrames,
    keyFramesOnly: (span ?? 0) > KEY_FRAMES_FROM && (source.keyFrameGap ?? Infinity) <= gap,
    dropDuplicates: true,
  };
}

/** The middles of `numFrames` equal parts. */
function byNumber(numFrames: number, span: number | undefined, maxFrames: number): FramePasses {
  if (numFrames > maxFrames) throw tooMany('numFrames', numFrames, maxFrames);
  if (span === undefined)
    throw new TesseraError('invalid_request', 'The video does not say how long it is; ask by fps.', {
      param: 'numFrames',
    });
  const part = span / numFrames;
  if (part > SEEK_WORTH) return { type: 'seek', times: Array.from({ length: numFrames }, (_, i) => (i + 0.5) * part) };
  const select = `gte(t,(selected_n+0.5)*${part})`;
  return { type: 'select', select, count: numFrames, keyFramesOnly: false, dropDuplicates: false };
}

function byRate(fps: number, span: number | undefined, maxFrames: number): FramePasses {
  const frames = Math.floor((span ?? 0) * fps) + 1;
  if (frames > maxFrames) throw tooMany('fps', frames, maxFrames);
  const select = `gte(t+0.001,selected_n/${fps})`;
  return { type: 'select', select, count: maxFrames, keyFramesOnly: false, dropDuplicates: false };
}

function tooMany(param: string, frames: number, maxFrames: number): TesseraError {
  return new TesseraError('invalid_request', `That would take ${frames} frames; the limit is ${maxFrames}.`, { param });
}

/** Longest distance between consecutive key frames, from ffprobe's CSV of packets (`pts_time,flags`). */
export function longestKeyFrameGap(csv: string): number | undefined {
  const times = csv
    .split('\n')
    .map((line) => line.split(','))
    .filter(([time, flags]) => flags?.startsWith('K') && Number.isFinite(Number.parseFloat(time ?? '')))
    .map(([time]) => Number(time))
    .sort((a, b) => a - b);
  if (times.length < 2) return undefined;
  return Math.max(...times.slice(1).map((time, i) => time - times[i]!));
}
