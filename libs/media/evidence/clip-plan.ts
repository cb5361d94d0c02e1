import type { FfmpegPlan } from '../ffmpeg-plan.js';
import { guards, inputName } from '../ffmpeg-plan.js';

export interface ClipRequest {
  file: string;
  /** Seconds from the start of the file. */
  start: number;
  end: number;
  video: boolean;
  audio: boolean;
  threads: number;
}

/** Longer side of a clip: it shows what an answer rests on, it does not replace the film. */
const MAX_PIXELS = 854;

/**
 * A part of a medium as fragmented MP4 (H.264 and AAC, what every browser plays) on stdout. It is encoded again: a copy
 * would begin at the key frame before.
 */
export function clipPlan({ file, start, end, video, audio, threads }: ClipRequest): FfmpegPlan {
  const picture = [
    '-map', '0:V:0', '-vf', `scale='min(${MAX_PIXELS},iw)':'min(${MAX_PIXELS},ih)':force_original_aspect_ratio=decrease:force_divisible_by=2,format=yuv420p`,
    '-c:v', 'libx264', '-preset', 'veryfast', '-crf', '26',
  ]; // prettier-ignore
  const sound = ['-map', '0:a:0', '-c:a', 'aac', '-b:a', '96k', '-ac', '2'];
  return {
    input: inputName(file),
    inputOptions: [
      '-hide_banner', '-nostdin', '-nostats', '-loglevel', 'error', '-threads', String(threads), ...guards(),
      ...(start > 0 ? ['-ss', start.toFixed(6)] : []), '-t', (end - start).toFixed(6),
    ], // prettier-ignore
    outputOptions: [
      ...(video ? picture : ['-vn']), ...(audio ? sound : ['-an']), '-sn', '-dn', '-map_metadata', '-1', '-threads', String(threads),
      '-movflags', 'frag_keyframe+empty_moov+default_base_moof', '-f', 'mp4',
    ], // prettier-ignore
  };
}
