import { spawn } from 'node:child_process';
import { TesseraError } from '#contracts';

/** Enough of a tool's last words to see what went wrong. */
const STDERR_TAIL_BYTES = 25 * 1024;
/** After a polite signal a process group gets this long before it is killed. */
const KILL_AFTER_MS = 500;

export interface ProcessOptions {
  signal?: AbortSignal | undefined;
  timeoutMs?: number;
  /** Cap on stdout; the process is killed when it writes more. Default 64 MiB. */
  maxOutputBytes?: number;
  stdin?: string | Uint8Array;
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  uid?: number;
  gid?: number;
  /** Resolve with the exit code in place of throwing when it is not 0. */
  allowFailure?: boolean;
  /** Called with each piece of stderr, for progress. */
  onStderr?: (text: string) => void;
}

export interface ProcessOutput {
  code: number | null;
  stdout: Buffer;
  /** The last 25 KB. */
  stderr: string;
}

/**
 * Runs a program without a shell, as the leader of its own process group, and kills the whole group on abort, on time-out,
 * or when it writes too much.
 * Throws `tool_missing`, `cancelled`, `timeout`, `file_too_large` (output), or `internal` with the end of stderr as its cause.
 */
export function runProcess(
  command: string,
  args: readonly string[],
  options: ProcessOptions = {},
): Promise<ProcessOutput> {
  const { signal, timeoutMs, maxOutputBytes = 64 * 2 ** 20 } = options;
  if (signal?.aborted)
    return Promise.reject(new TesseraError('cancelled', `${command} was not started: the work was cancelled.`));

  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      uid: options.uid,
      gid: options.gid,
      detached: process.platform !== 'win32',
      stdio: [options.stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    const stdout: Buffer[] = [];
    let stdoutBytes = 0;
    let stderr = Buffer.alloc(0);
    let failure: TesseraError | undefined;
    const timers: NodeJS.Timeout[] = [];

    const killGroup = (name: NodeJS.Signals) => {
      try {
        if (child.pid !== undefined) process.kill(process.platform === 'win32' ? child.pid : -child.pid, name);
      } catch {
        // The group has already gone.
      }
    };
    const stop = (error: TesseraError) => {
      if (failure) return;
      failure = error;
      killGroup('SIGTERM');
      timers.push(setTimeout(() => killGroup('SIGKILL'), KILL_AFTER_MS));
    };
    const onAbort = () => stop(new TesseraError('cancelled', `${command} was stopped: the work was cancelled.`));
    signal?.addEventListener('abort', onAbort, { once: true });
    if (timeoutMs !== undefined)
      timers.push(
        setTimeout(
          () => stop(new TesseraError('timeout', `${command} took longer than ${timeoutMs / 1000} s.`)),
          timeoutMs,
        ),
      );

    child.stdout?.on('data', (chunk: Buffer) => {
      stdoutBytes += chunk.length;
      if (stdoutBytes > maxOutputBytes)
        stop(new TesseraError('file_too_large', `${command} wrote more than ${maxOutputBytes} bytes.`));
      else stdout.push(chunk);
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      stderr = Buffer.concat([stderr, chunk]).subarray(-STDERR_TAIL_BYTES);
      options.onStderr?.(chunk.toString());
    });
    // A program that exits without reading its input is judged by its exit code.
    child.stdin?.on('error', () => undefined);
    if (options.stdin !== undefined) child.stdin?.end(options.stdin);

    const settle = () => {
      timers.forEach(clearTimeout);
      signal?.removeEventListener('abort', onAbort);
    };
    child.on('error', (error: NodeJS.ErrnoException) => {
      settle();
      const missing = error.code === 'ENOENT';
      reject(
        missing
          ? new TesseraError('tool_missing', `${command} is not installed or not on the PATH.`, { cause: error })
          : new TesseraError('internal', `${command} could not be started.`, { cause: error }),
      );
    });
    child.on('close', (code, exitSignal) => {
      settle();
      // A leader that ended by itself may leave children behind; they die with the group.
      if (failure) killGroup('SIGKILL');
      if (failure) return reject(failure);
      const output = { code, stdout: Buffer.concat(stdout), stderr: stderr.toString() };
      if (code === 0 || options.allowFailure) return resolve(output);
      reject(
        new TesseraError('internal', `${command} failed (${exitSignal ?? `exit code ${code}`}).`, {
          cause: new Error(output.stderr),
        }),
      );
    });
  });
}
