import type { ChildProcess } from 'node:child_process';
import { PassThrough } from 'node:stream';
import ffmpeg from 'fluent-ffmpeg';
import { TesseraError } from '#contracts';
import { COMPUTING } from '#runtime';
import { StderrTail } from './ffmpeg-log.js';
import type { FfmpegPlan } from './ffmpeg-plan.js';
import { watchMemory } from './process-memory.js';

export interface FfmpegRun {
  /** Raw bytes of the plan's output, each piece good until the next is asked for; leaving the loop early kills the process. Throws `timeout`, `cancelled` or `tool_missing`. */
  stdout: AsyncIterable<Buffer>;
  stderr: StderrTail;
  /** After stdout is read: what ffmpeg stumbled over, or undefined when it finished cleanly. */
  failure(): string | undefined;
}

export interface FfmpegOptions {
  signal?: AbortSignal;
  timeoutMs: number;
  /** RAM that the process may hold, where the system tells. */
  memoryBytes?: number;
  onStderr?: (line: string) => void;
  /** Told the whole command line once, for the log; redact it. */
  onStart?: (args: string[]) => void;
}

/** Pieces of at most 64 KB that wait for the reader. */
const PIECES_WAITING = 16;

/** A film of 8K with all the frames that it may refer to needs less than half. */
const MEMORY_BYTES = 2 * 2 ** 30;

export const FFMPEG_MISSING =
  'ffmpeg is needed to read audio and video and was not found. Install it: apt-get install ffmpeg (Debian, Ubuntu), brew install ffmpeg (macOS).';

/** The only place that starts ffmpeg; in the thread that calls it, which stands still while the process is forked. See {@link runFfmpeg}. */
export function runFfmpegHere(plan: FfmpegPlan, options: FfmpegOptions): FfmpegRun {
  const stderr = new StderrTail();
  let failure: string | undefined;

  async function* read(): AsyncIterable<Buffer> {
    options.signal?.throwIfAborted();
    // What waits is handed on piece by piece, as it was read: a stream of bytes would put all of it together anew.
    const output = new PassThrough({ readableObjectMode: true, readableHighWaterMark: PIECES_WAITING });
    const command = ffmpeg({ logger: SILENT, stdoutLines: 1, ...(plan.steady ? {} : { niceness: COMPUTING }) });
    let stopped: TesseraError | undefined;
    let running = false;
    let over = false;
    let unwatch = (): void => undefined;

    const stop = (reason?: TesseraError) => {
      over = true;
      stopped ??= reason;
      if (running) command.kill('SIGKILL');
      if (stopped) output.destroy(stopped);
    };
    const onAbort = () => stop(new TesseraError('cancelled', 'Reading the medium was cancelled.'));
    const timer = setTimeout(
      () =>
        stop(new TesseraError('timeout', `ffmpeg did not finish within ${Math.round(options.timeoutMs / 1000)} s.`)),
      options.timeoutMs,
    );
    options.signal?.addEventListener('abort', onAbort, { once: true });

    const ended = new Promise<void>((resolve) => {
      command
        .input(plan.input)
        .inputOptions(plan.inputOptions)
        .outputOptions(plan.outputOptions)
        .on('start', () => {
          running = true;
          const { memoryBytes = MEMORY_BYTES } = options;
          // Its process, which the types leave out.
          unwatch = watchMemory((command as { ffmpegProc?: ChildProcess }).ffmpegProc?.pid, memoryBytes, () =>
            stop(new TesseraError('corrupt_media', 'Decoding the medium took more memory than it may.')),
          );
          options.onStart?.([...plan.inputOptions, '-i', plan.input, ...plan.outputOptions]);
          if (over) command.kill('SIGKILL');
        })
        .on('stderr', (line: string) => {
          stderr.append(line);
          options.onStderr?.(line);
        })
        .on('end', () => {
          running = false;
          if (stderr.reason() !== 'no reason given' && plan.inputOptions.includes('error')) failure = stderr.reason();
          resolve();
        })
        .on('error', (error: Error) => {
          running = false;
          if (/Cannot find ffmpeg|ENOENT/.test(error.message))
            stopped ??= new TesseraError('tool_missing', FFMPEG_MISSING);
          failure = stderr.reason();
          if (stopped) output.destroy(stopped);
          else output.end();
          resolve();
        })
        .pipe(output, { end: true });
    });

    try {
      yield* output as AsyncIterable<Buffer>;
      await ended;
    } finally {
      clearTimeout(timer);
      unwatch();
      options.signal?.removeEventListener('abort', onAbort);
      stop();
      output.destroy();
      await ended;
    }
  }

  return { stdout: read(), stderr, failure: () => failure };
}

const nothing = () => {};
const SILENT = { error: nothing, warn: nothing, info: nothing, debug: nothing };
