import { availableParallelism } from 'node:os';
import { TesseraError, type SeeOptions } from '#contracts';
import { release } from '#runtime';
import { runFfmpeg, runProgram } from './ffmpeg.js';
import { framesPlan, guards, inputName, showinfoTime, type FramesRequest } from './ffmpeg-plan.js';
import { longestKeyFrameGap, planFrames, SKIP_FROM, type FramePasses } from './frame-policy.js';
import { lastingFrames } from './frame-selection.js';
import { DEFAULT_LIMITS, type MediaLimits } from './limits.js';
import type { MediumFacts } from './probe.js';

export interface VideoFrame {
  /** Presentation time in seconds from the start of the file. */
  t: number;
  /** Packed sRGB [size, size, 3], upright; the aspect is not kept. */
  rgb: Uint8Array;
}

/** One frame of a film, in brightness alone. */
export interface GreyFrame {
  /** Presentation time in seconds from the start of the file. */
  t: number;
  /** Luma from 0 to 255, [height, width], upright. */
  grey: Uint8Array;
}

export interface FramesOptions extends SeeOptions {
  /** What `probe` said about the file. */
  facts: Pick<MediumFacts, 'duration' | 'tracks'>;
  /** Width and height of a frame, a multiple of 16. */
  size: number;
  /** Frames at these times (seconds) instead of a choice by scene, rate or number. */
  times?: number[];
  limits?: Partial<MediaLimits>;
  signal?: AbortSignal;
}

/** Frames in the order of their times. `warnings` is complete once every frame was read. */
export interface FrameStream extends AsyncIterable<VideoFrame> {
  readonly warnings: string[];
}

/**
 * Streams frames of a video with bounded memory. By default: the first frame, one at each change of scene and one at
 * least every 4 s, without near duplicates.
 * @throws TesseraError invalid_request, unsupported_media without a video track, corrupt_media, tool_missing, timeout, cancelled
 */
export function decodeFrames(file: string, options: FramesOptions): FrameStream {
  const warnings: string[] = [];
  const { size } = options;
  const shape = { width: size, height: size, channels: 3 } as const;
  return { warnings, [Symbol.asyncIterator]: () => frames(file, { ...options, shape }, warnings) };
}

/** A frame that was chosen by scene, with what it shows. */
export interface ShownFrame {
  /** Seconds. */
  time: number;
  /** Up to here (seconds) any other frame shows the same, as far as is known. */
  until?: number | undefined;
}

/**
 * What is seen in a film from `time` on, in brightness alone, as large as is said: for who reads what is written on it. Where it is seen
 * for long, a key frame is taken, which needs no other frame: a seventh of the work where they are ten seconds apart.
 * @throws TesseraError as `decodeFrames` does
 */
export async function decodeGreyFrame(
  file: string,
  { time, until = time }: ShownFrame,
  { width, height, ...options }: Omit<FramesOptions, 'size' | 'times'> & { width: number; height: number },
): Promise<GreyFrame | undefined> {
  const shaped = { ...options, shape: { width, height, channels: 1 } } as const;
  const found = (await keyFrame(file, { time, until }, shaped)) ?? (await first(frames(file, { ...shaped, times: [time], chosen: true }, []))); // prettier-ignore
  return found && { t: found.t, grey: found.rgb };
}

function keyFrame(
  file: string,
  { time, until }: Required<ShownFrame>,
  options: ShapedOptions,
): Promise<VideoFrame | undefined> {
  if (until <= time) return Promise.resolve(undefined);
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const request = { ...requestOf(file, options, limits), start: time, end: until, skip: 'nokey', count: 1 } as const;
  return first(pass(request, options, [], limits));
}

/** Looks at a film are many, and their pixels would wait for the garbage collector. */
const forget = ({ rgb }: VideoFrame): void => release([rgb.buffer]);

/** Of the frames that ffmpeg is to write. */
interface Shape {
  width: number;
  height: number;
  channels: 1 | 3;
}

type ShapedOptions = Omit<FramesOptions, 'size'> & {
  shape: Shape;
  /** The times are those of frames that were chosen by scene: what was not decoded then is not needed now. */
  chosen?: boolean;
};

/**
 * Threads of one run. A second one makes a film's frames come a tenth sooner for a quarter more work, which is worth it only where a core
 * has nothing else to do.
 */
const THREADS = availableParallelism() > 2 ? 2 : 1;

async function* frames(file: string, options: ShapedOptions, warnings: string[]): AsyncGenerator<VideoFrame> {
  const { facts, start = 0, times } = options;
  if (!facts.tracks.some((track) => track.kind === 'video'))
    throw new TesseraError('unsupported_media', 'There is no video track to look at.');
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const end = options.end ?? facts.duration;
  const span = end === undefined ? undefined : Math.max(0, end - start);
  const passes: FramePasses = times
    ? { type: 'seek', times: times.map((time) => time - start) }
    : planFrames(options, { span, ...(await keyFrames(file, span, options)) }, limits);

  let found = 0;
  const looked = run(passes, file, options, warnings, limits);
  const { spacing, gap } = passes.type === 'select' ? passes : {};
  const keep = { size: options.shape.width, spacing: spacing ?? 0, gap: gap ?? Infinity, drop: forget };
  for await (const frame of spacing === undefined ? looked : lastingFrames(looked, keep)) {
    if (++found > limits.maxFrames) break;
    yield frame;
  }
  if (found === 0)
    throw new TesseraError('corrupt_media', `No frame could be decoded${warnings.length ? `: ${warnings[0]}` : ''}.`);
}

async function* run(
  passes: FramePasses,
  file: string,
  options: ShapedOptions,
  warnings: string[],
  limits: MediaLimits,
): AsyncGenerator<VideoFrame> {
  const { start = 0, chosen, facts } = options;
  const skip = chosen && (facts.duration ?? 0) > SKIP_FROM ? ('noref' as const) : undefined;
  const request = { ...requestOf(file, options, limits), skip };
  if (passes.type === 'select') {
    const { select, count, skip } = passes;
    const chosen = pass({ ...request, select, count, skip, steady: true }, options, warnings, limits);
    const before = () => shownAt(start, request, (each) => pass(each, options, [], limits));
    const entered = start > 0 && start <= (facts.duration ?? Infinity) && count === undefined;
    yield* entered ? withFirst(chosen, start, before) : chosen;
    return;
  }
  for (const time of passes.times) {
    const at = start + time;
    if (at > (options.facts.duration ?? Infinity) + PAST_END) continue;
    const next = await first(pass({ ...request, start: at, count: 1 }, options, [], limits));
    if (next && next.t - at <= SOON) yield next;
    else {
      const shown = (await shownAt(at, request, (each) => pass(each, options, warnings, limits))) ?? next;
      if (shown) yield shown;
    }
  }
}

function requestOf(file: string, { start = 0, end, shape }: ShapedOptions, { maxPixels }: MediaLimits): FramesRequest {
  const { width, height, channels } = shape;
  const range = { start, ...(end === undefined ? {} : { end }) };
  return { file, width, height, grey: channels === 1, threads: THREADS, maxPixels, ...range };
}

/** A time up to this long after the end (seconds) still means the last frame: headers are not exact. */
const PAST_END = 2;
/** The next frame within this time (seconds) is the one that was asked for. */
const SOON = 0.1;
/** How far back to look for the frame that is still on the screen (seconds): mostly not far. */
const BACK = [2, 10, Infinity];

/**
 * The last frame up to a time: the next one comes late, or never. So it is with slides that have a frame each, at the end of a film, and
 * where a file without an index is entered behind the key frame that was needed.
 */
async function shownAt(
  at: number,
  request: FramesRequest,
  decode: (request: FramesRequest) => AsyncIterable<VideoFrame>,
): Promise<VideoFrame | undefined> {
  for (const back of BACK) {
    const from = Math.max(0, at - back);
    const frame = await final(decode({ ...request, start: from, end: at + 0.001 }));
    if (frame || from === 0) return frame;
  }
  return undefined;
}

/** A range that is entered between two frames begins with the one that is already on the screen. */
async function* withFirst(
  chosen: AsyncIterable<VideoFrame>,
  start: number,
  before: () => Promise<VideoFrame | undefined>,
): AsyncGenerator<VideoFrame> {
  let begun = false;
  const begin = async (): Promise<VideoFrame[]> => {
    begun = true;
    const shown = await before();
    return shown ? [{ ...shown, t: start }] : [];
  };
  for await (const frame of chosen) {
    if (!begun && frame.t > start + SOON) yield* await begin();
    begun = true;
    yield frame;
  }
  if (!begun) yield* await begin();
}

async function* pass(
  request: FramesRequest,
  options: ShapedOptions,
  warnings: string[],
  limits: MediaLimits,
): AsyncGenerator<VideoFrame> {
  const times = new TimeQueue();
  const run = runFfmpeg(framesPlan(request), {
    timeoutMs: limits.timeoutMs,
    ...(options.signal ? { signal: options.signal } : {}),
    onStderr: (line) => {
      const time = showinfoTime(line);
      if (time !== undefined) times.push(time);
    },
  });
  for await (const rgb of cut(run.stdout, request.width * request.height * (request.grey ? 1 : 3))) {
    const t = Math.max(0, (request.start ?? 0) + (await times.shift()));
    // ffmpeg counts a range's length from where it got in, which in a file without an index is late.
    if (t >= (request.end ?? Infinity)) break;
    yield { t, rgb };
  }
  const failure = run.failure();
  if (failure) warnings.push(`The video is damaged: ${failure}`);
}

/** Whole pieces of `size` bytes; a rest is dropped. */
async function* cut(bytes: AsyncIterable<Buffer>, size: number): AsyncGenerator<Uint8Array> {
  let piece = new Uint8Array(size);
  let filled = 0;
  for await (const chunk of bytes) {
    for (let at = 0; at < chunk.length;) {
      const taken = chunk.copy(piece, filled, at, at + size - filled);
      at += taken;
      filled += taken;
      if (filled < size) continue;
      yield piece;
      piece = new Uint8Array(size);
      filled = 0;
    }
  }
}

/** Frames come by stdout and their times by stderr: whichever is later is waited for. */
class TimeQueue {
  private times: number[] = [];
  private waiting: ((time: number) => void)[] = [];

  push(time: number): void {
    const waiter = this.waiting.shift();
    if (waiter) waiter(time);
    else this.times.push(time);
  }

  async shift(): Promise<number> {
    return this.times.shift() ?? new Promise((resolve) => this.waiting.push(resolve));
  }
}

async function first<T>(items: AsyncIterable<T>): Promise<T | undefined> {
  for await (const item of items) return item;
  return undefined;
}

async function final<T>(items: AsyncIterable<T>): Promise<T | undefined> {
  let last: T | undefined;
  for await (const item of items) last = item;
  return last;
}

/** Looks at the first minute's packets, without decoding. */
async function keyFrames(
  file: string,
  span: number | undefined,
  options: ShapedOptions,
): Promise<{ keyFrameGap?: number }> {
  const { start = 0, fps, numFrames, signal } = options;
  if ((span ?? 0) <= SKIP_FROM || fps !== undefined || numFrames !== undefined) return {};
  const args = [
    '-v', 'error', ...guards(), '-select_streams', 'V:0', '-read_intervals', `${start}%+${SKIP_FROM}`,
    '-show_entries', 'packet=pts_time,flags', '-of', 'csv=p=0', inputName(file),
  ]; // prettier-ignore
  const { stdout } = await runProgram('ffprobe', args, {
    allowFailure: true,
    timeoutMs: 60_000,
    ...(signal ? { signal } : {}),
  });
  const keyFrameGap = longestKeyFrameGap(stdout.toString());
  return keyFrameGap === undefined ? {} : { keyFrameGap };
}
