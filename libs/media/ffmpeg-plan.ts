import path from 'node:path';

/** One ffmpeg run that writes raw data to its stdout. Pure: the same request gives the same arguments. */
export interface FfmpegPlan {
  input: string;
  inputOptions: string[];
  outputOptions: string[];
  /** Others wait for all of it: it does not give way to models. */
  steady?: boolean;
}

/** Demuxers that hold media themselves. Playlists, concatenations and devices are not among them. */
export const DEMUXERS = [
  'mov', 'mp4', 'matroska', 'webm', 'avi', 'mpegts', 'mpeg', 'mpegvideo', 'm4v', 'flv', 'asf', 'mxf', 'nut', 'dv', 'rm', 'ivf', 'gif',
  'h264', 'hevc', 'mjpeg', 'wav', 'w64', 'rf64', 'mp3', 'flac', 'ogg', 'aac', 'ac3', 'eac3', 'dts', 'aiff', 'au', 'caf', 'amr',
  'amrnb', 'amrwb', 'wv', 'ape', 'tta', 'voc', 'gsm', 'sox', 'loas', 'truehd', 'mpc', 'mpc8', 'xwma',
]; // prettier-ignore

/** `file:` keeps a name such as `concat:x` or `-x` from being read as anything but a path. */
export const inputName = (file: string): string => `file:${path.resolve(file)}`;

/** What one buffer of ffmpeg may take: a frame of 100 megapixels in 16 bits needs 600 MB. */
const MAX_ALLOC_BYTES = 1024 ** 3;

/** Options for every process that opens a file from outside. */
export const guards = (): string[] => [
  ...['-max_alloc', String(MAX_ALLOC_BYTES)],
  ...['-protocol_whitelist', 'file,pipe', '-format_whitelist', DEMUXERS.join(',')],
];

export interface TimeRange {
  /** Seconds from the start of the file. */
  start?: number;
  end?: number;
}

const rangeOptions = ({ start = 0, end }: TimeRange): string[] => [
  ...(start > 0 ? ['-ss', seconds(start)] : []),
  ...(end === undefined ? [] : ['-t', seconds(Math.max(0, end - start))]),
];

const seconds = (value: number): string => value.toFixed(6);

const readOptions = (range: TimeRange): string[] => [
  '-hide_banner',
  '-nostdin',
  '-nostats',
  ...guards(),
  ...rangeOptions(range),
];

export interface AudioRequest extends TimeRange {
  file: string;
  sampleRate: number;
  /** Stream index of the track; the first audio track when absent. */
  track?: number;
  /** Channel to take; all are mixed when absent. */
  channel?: number;
}

/** Mono float32 PCM. A track that starts late is padded, so that sample n is at n / sampleRate seconds of the range. */
export function audioPlan(request: AudioRequest): FfmpegPlan {
  const { file, sampleRate, track, channel } = request;
  const pick = channel === undefined ? [] : [`pan=mono|c0=c${channel}`];
  return {
    input: inputName(file),
    inputOptions: ['-loglevel', 'error', '-threads', '1', ...readOptions(request)],
    outputOptions: [
      '-map', track === undefined ? '0:a:0' : `0:${track}`, '-vn', '-sn', '-dn',
      '-af', [...pick, `aresample=${sampleRate}:async=1:first_pts=0`].join(','),
      // Pieces of 32 KB: a packet of MP3 is 2, and each piece is a message between threads.
      '-ac', '1', '-flush_packets', '0', '-f', 'f32le',
    ], // prettier-ignore
  };
}

/** One subtitle track as SubRip on stdout. */
export function subtitlePlan(file: string, track: number): FfmpegPlan {
  return {
    input: inputName(file),
    inputOptions: ['-loglevel', 'error', '-threads', '1', ...readOptions({})],
    outputOptions: ['-map', `0:${track}`, '-vn', '-an', '-dn', '-f', 'srt'],
  };
}

/** Frames that are not decoded: those that no other one refers to, or all but key frames. */
export type SkippedFrames = 'noref' | 'nokey';

export interface FramesRequest extends TimeRange {
  file: string;
  /** Of the result, in pixels. */
  width: number;
  height: number;
  /** One byte a pixel, its brightness, in place of three. */
  grey?: boolean | undefined;
  /** Expression of ffmpeg's select filter; every frame when absent. */
  select?: string;
  skip?: SkippedFrames | undefined;
  /** A header may say less than the stream behind it has: its decoder stops there. */
  maxPixels: number;
  /** Stop after this many frames. */
  count?: number | undefined;
  threads: number;
  /** The whole film waits for this run. */
  steady?: boolean | undefined;
}

/** Packed RGB or grey frames on stdout, one `showinfo` line for each on stderr (its `pts_time` is relative to the range's start). */
export function framesPlan(request: FramesRequest): FfmpegPlan {
  const { file, width, height, grey, select, skip, maxPixels, count, threads, steady = false } = request;
  // Bicubic with a = -0.5, as Pillow's. Only what was chosen is scaled: to compare whole frames costs a tenth of scaling them.
  const scale = `scale=${width}:${height}:flags=bicubic+accurate_rnd+full_chroma_int:param0=0:param1=0.5`;
  const filters = [
    ...(select === undefined ? [] : [`select='${select}'`]),
    scale,
    `format=${grey ? 'gray' : 'rgb24'}`,
    'showinfo=checksum=0',
  ];
  return {
    input: inputName(file),
    inputOptions: [
      '-loglevel', 'info', '-threads', String(threads), '-max_pixels', String(maxPixels), ...(skip ? ['-skip_frame', skip] : []), ...readOptions(request),
    ], // prettier-ignore
    outputOptions: [
      '-map', '0:V:0', '-an', '-sn', '-dn', '-vf', filters.join(','), '-fps_mode', 'passthrough',
      ...(count === undefined ? [] : ['-frames:v', String(count)]), '-f', 'rawvideo',
    ], // prettier-ignore
    steady,
  };
}

/** All pictures of an HEVC stream as packed RGB. */
export function tilesPlan(file: string): FfmpegPlan {
  return {
    input: inputName(file),
    inputOptions: ['-loglevel', 'error', '-threads', '2', '-f', 'hevc', ...readOptions({})],
    outputOptions: ['-map', '0:v:0', '-fps_mode', 'passthrough', '-pix_fmt', 'rgb24', '-f', 'rawvideo'],
  };
}

/** Seconds of a frame from its `showinfo` line; undefined for any other line. */
export function showinfoTime(line: string): number | undefined {
  const found = /Parsed_showinfo.*\bn:\s*\d+ .*\bpts_time:\s*(-?[\d.]+)/.exec(line);
  return found ? Number(found[1]) : undefined;
}
