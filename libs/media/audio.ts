import { TesseraError } from '#contracts';
import { runFfmpeg } from './ffmpeg.js';
import { audioPlan, type TimeRange } from './ffmpeg-plan.js';
import { DEFAULT_LIMITS, type MediaLimits } from './limits.js';

export interface AudioOptions extends TimeRange {
  /** Hz; 16,000 unless told. */
  sampleRate?: number;
  /** Stream index as `probe` lists it; the first audio track when absent. */
  track?: number;
  /** Take one channel (from 0) instead of mixing all. */
  channel?: number;
  /** Samples of a piece; 1 s unless told. */
  pieceSamples?: number;
  limits?: Partial<MediaLimits>;
  signal?: AbortSignal;
}

/** Begins the warning of a stream that ended early. */
export const DAMAGED_SOUND = 'The sound is damaged';

/** Pieces of mono float32 PCM, in [-1, 1] where the file keeps to it. `warnings` is complete once every piece was read. */
export interface AudioStream extends AsyncIterable<Float32Array> {
  readonly warnings: string[];
}

/**
 * Streams a file's sound with bounded memory: ffmpeg waits while the reader is busy.
 * A damaged tail ends the stream early and leaves a warning.
 * @throws TesseraError no_audio_track, corrupt_media when not one sample could be read although ffmpeg failed, no_audio_samples,
 *   media_too_long, tool_missing, timeout, cancelled.
 */
export function decodeAudio(file: string, options: AudioOptions = {}): AudioStream {
  const warnings: string[] = [];
  return { warnings, [Symbol.asyncIterator]: () => pieces(file, options, warnings) };
}

async function* pieces(file: string, options: AudioOptions, warnings: string[]): AsyncGenerator<Float32Array> {
  const { sampleRate = 16_000, signal } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const size = options.pieceSamples ?? sampleRate;
  const run = runFfmpeg(audioPlan({ ...options, file, sampleRate }), {
    timeoutMs: limits.timeoutMs,
    ...(signal ? { signal } : {}),
  });

  let total = 0;
  for await (const piece of repack(run.stdout, size)) {
    total += piece.length;
    if (total > limits.maxDurationSeconds * sampleRate)
      throw new TesseraError('media_too_long', `The sound is longer than the limit of ${limits.maxDurationSeconds} s.`);
    yield piece;
  }

  const failure = run.failure();
  if (total === 0 && run.stderr.toString().includes('matches no streams'))
    throw new TesseraError('no_audio_track', 'There is no audio track to listen to.');
  if (total === 0 && failure) throw new TesseraError('corrupt_media', `The sound cannot be decoded: ${failure}`);
  if (total === 0)
    throw new TesseraError('no_audio_samples', 'The audio track holds no samples in the range asked for.');
  if (failure) warnings.push(`${DAMAGED_SOUND}; ${(total / sampleRate).toFixed(1)} s could be read: ${failure}`);
}

/** Cuts a byte stream into arrays of `size` float32 samples, all finite; the last one may be shorter. */
export async function* repack(bytes: AsyncIterable<Buffer>, size: number): AsyncGenerator<Float32Array> {
  let piece = Buffer.alloc(size * 4);
  let filled = 0;
  for await (const chunk of bytes) {
    for (let at = 0; at < chunk.length;) {
      const taken = chunk.copy(piece, filled, at, at + piece.length - filled);
      at += taken;
      filled += taken;
      if (filled < piece.length) continue;
      yield floats(piece, size);
      piece = Buffer.alloc(size * 4);
      filled = 0;
    }
  }
  const samples = filled >> 2;
  if (samples > 0) yield floats(piece, samples);
}

/** A million times full scale. The squares of such samples, which models take, are still numbers. */
const LOUDEST = 1e6;

/** What is no sound becomes silence: one NaN, which ffmpeg passes on, would stay in the state of all that listens. */
function floats(buffer: Buffer, samples: number): Float32Array {
  // `Buffer.alloc` never takes from the pool, so the memory is aligned.
  const piece = new Float32Array(buffer.buffer, buffer.byteOffset, samples);
  for (let i = 0; i < samples; i++) if (!(Math.abs(piece[i]!) <= LOUDEST)) piece[i] = 0;
  return piece;
}
