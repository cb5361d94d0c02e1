import { TesseraError, type SeeOptions } from '#contracts';
import type { SkippedFrames } from './ffmpeg-plan.js';
import type { MediaLimits } from './limits.js';

/**
 * How to take frames: one pass with ffmpeg's select filter, or a seek for each time. Times are relative to the range's start.
 * With `spacing` and `gap` (seconds) those that last are kept, at least and about that far apart.
 */
export type FramePasses =
  | { type: 'select'; select: string; count?: number; skip?: SkippedFrames; spacing?: number; gap?: number }
  | { type: 'seek'; times: number[] };

export interface FrameSource {
  /** Seconds of the range to look at; undefined when the file does not say how long it is. */
  span: number | undefined;
  /** Longest distance between key frames in seconds, when known. */
  keyFrameGap?: number;
}

/** A still scene is looked at this often (seconds), unless that would be more than maxFrames. */
const LONGEST_GAP = 4;
/** Changes closer than this (seconds) are looked at once. */
const SHORTEST_GAP = 0.08;
/** ffmpeg's scene score, 0 to 1: a new line on a slide is above it, the noise of a still picture below. */
const CHANGE = 0.02;
/** Seeking costs about as much as decoding this many seconds. */
const SEEK_WORTH = 10;
/**
 * Of a file longer than this (seconds), frames that no other one refers to are not decoded: half of the time, and a cut is seen some
 * tenths of a second late. Where there is a key frame at least every LONGEST_GAP, key frames alone are.
 */
export const SKIP_FROM = 60;

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
    select: `${due}+gt(scene,${CHANGE})*gte(t-prev_selected_t,${SHORTEST_GAP})`,
    ...((span ?? 0) > SKIP_FROM ? { skip: (source.keyFrameGap ?? Infinity) <= gap ? 'nokey' : 'noref' } : {}),
    // However many cuts there are, the frames reach to the end.
    spacing: (span ?? 0) / maxFrames,
    gap,
  };
}

/** What is seen for less (seconds) may be left out. */
const SEEN = 1;

/** Whether all that is seen for a second is chosen: then between two frames the first is what is seen. */
export function leavesNothingOut(
  { fps, numFrames }: SeeOptions,
  span: number | undefined,
  { maxFrames }: Pick<MediaLimits, 'maxFrames'>,
): boolean {
  return fps === undefined && numFrames === undefined && (span ?? Infinity) <= SEEN * maxFrames;
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
  return { type: 'select', select, count: numFrames };
}

function byRate(fps: number, span: number | undefined, maxFrames: number): FramePasses {
  const frames = Math.floor((span ?? 0) * fps) + 1;
  if (frames > maxFrames) throw tooMany('fps', frames, maxFrames);
  const select = `gte(t+0.001,selected_n/${fps})`;
  return { type: 'select', select, count: maxFrames };
}

function tooMany(param: string, frames: number, maxFrames: number): TesseraError {
  return new TesseraError('invalid_request', `That would take ${frames} frames; the limit is ${maxFrames}.`, { param });
}

/**
 * Longest distance between consecutive key frames, and from the last one to the last frame, from ffprobe's CSV of packets
 * (`pts_time,flags`). Undefined where there is one key frame at most.
 */
export function longestKeyFrameGap(csv: string): number | undefined {
  const packets = csv
    .split('\n')
    .map((line) => line.split(','))
    .filter(([time]) => Number.isFinite(Number.parseFloat(time ?? '')))
    .map(([time, flags = '']) => ({ time: Number(time), isKey: flags.startsWith('K') }))
    .sort((a, b) => a.time - b.time);
  const times = packets.filter(({ isKey }) => isKey).map(({ time }) => time);
  if (times.length < 2) return undefined;
  times.push(packets.at(-1)!.time);
  return Math.max(...times.slice(1).map((time, i) => time - times[i]!));
}
