import { parentPort } from 'node:worker_threads';
import { TesseraError, type ErrorBody } from '#contracts';
import { runProcess, type ProcessOptions, type ProcessOutput } from '#platform';
import type { FfmpegPlan } from './ffmpeg-plan.js';
import { runFfmpegHere } from './ffmpeg-process.js';

export type ProgramOptions = Omit<ProcessOptions, 'signal' | 'onStderr'>;

export type ToThread =
  | { type: 'run'; id: number; plan: FfmpegPlan; timeoutMs: number; window: number }
  | { type: 'program'; id: number; command: string; args: readonly string[]; options: ProgramOptions }
  /** One more piece may be sent. */
  | { type: 'more'; id: number }
  | { type: 'stop'; id: number };

export type FromThread =
  | { type: 'data'; id: number; bytes: Uint8Array<ArrayBuffer> }
  | { type: 'line'; id: number; line: string }
  | { type: 'end'; id: number; failure: string | undefined }
  | { type: 'output'; id: number; output: Omit<ProcessOutput, 'stdout'> & { stdout: Uint8Array } }
  | { type: 'error'; id: number; error: ErrorBody };

const port = parentPort!;
const send = (message: FromThread, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer);

/** How much of a run its reader has room for, and the wish to end it. */
class Run {
  readonly abort = new AbortController();
  private wake = (): void => undefined;

  constructor(private room: number) {}

  more(): void {
    this.room++;
    this.wake();
  }

  stop(): void {
    this.abort.abort(new TesseraError('cancelled', 'Reading the medium was cancelled.'));
    this.wake();
  }

  async take(): Promise<void> {
    while (this.room === 0 && !this.abort.signal.aborted) await new Promise<void>((resolve) => (this.wake = resolve));
    this.room--;
  }
}

const runs = new Map<number, Run>();

/** Work that can be told to stop by its id; what it throws is told, too. */
async function begin(id: number, room: number, work: (run: Run) => Promise<void>): Promise<void> {
  const state = new Run(room);
  runs.set(id, state);
  try {
    await work(state);
  } catch (error) {
    send({ type: 'error', id, error: TesseraError.from(error).toBody() });
  } finally {
    runs.delete(id);
  }
}

function program({ id, command, args, options }: Extract<ToThread, { type: 'program' }>): Promise<void> {
  return begin(id, 0, async ({ abort }) => {
    send({ type: 'output', id, output: await runProcess(command, args, { ...options, signal: abort.signal }) });
  });
}

/**
 * What a pipe was read into is handed on as it is: a copy would leave the original here, and as a thread that computes nothing has little
 * to collect, 32 MB of such would wait for it. A piece of a larger buffer is copied.
 */
function ownBytes({ buffer, byteOffset, byteLength }: Buffer): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
  return byteLength === buffer.byteLength ? bytes : bytes.slice();
}

function run({ id, plan, timeoutMs, window }: Extract<ToThread, { type: 'run' }>): Promise<void> {
  return begin(id, window, async (state) => {
    const { stdout, failure } = runFfmpegHere(plan, {
      signal: state.abort.signal,
      timeoutMs,
      onStderr: (line) => send({ type: 'line', id, line }),
    });
    for await (const piece of stdout) {
      await state.take();
      const bytes = ownBytes(piece);
      send({ type: 'data', id, bytes }, [bytes.buffer]);
    }
    send({ type: 'end', id, failure: failure() });
  });
}

port.on('message', (message: ToThread) => {
  if (message.type === 'run') void run(message);
  else if (message.type === 'program') void program(message);
  else if (message.type === 'more') runs.get(message.id)?.more();
  else runs.get(message.id)?.stop();
});
