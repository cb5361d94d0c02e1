import type { Worker } from 'node:worker_threads';
import { TesseraError } from '#contracts';
import type { ProcessOutput } from '#platform';
import { release, spawnWorker } from '#runtime';
import { StderrTail } from './ffmpeg-log.js';
import type { FfmpegPlan } from './ffmpeg-plan.js';
import type { FfmpegOptions, FfmpegRun } from './ffmpeg-process.js';
import type { FromThread, ProgramOptions, ToThread } from './ffmpeg-thread.js';

export { FFMPEG_MISSING } from './ffmpeg-process.js';

/** Pieces that may be on their way to a slow reader. */
const WINDOW = 16;

type Told = Extract<FromThread, { type: 'data' | 'end' | 'output' | 'error' }>;

interface Reader {
  line(line: string): void;
  push(told: Told): void;
}

/**
 * Runs ffmpeg from a thread of its own: to start a program the kernel copies the page tables of the whole process, which holds models of a
 * gigabyte, and the thread that asks for it stands still meanwhile, for some 100 ms on two busy cores. Here that is not the event loop.
 */
export function runFfmpeg(plan: FfmpegPlan, { signal, timeoutMs, onStderr, onStart }: FfmpegOptions): FfmpegRun {
  const stderr = new StderrTail();
  let failure: string | undefined;

  async function* read(): AsyncIterable<Buffer> {
    signal?.throwIfAborted();
    const told: Told[] = [];
    let wake = (): void => undefined;
    const run = thread.begin({
      line: (line) => {
        stderr.append(line);
        onStderr?.(line);
      },
      push: (each) => {
        told.push(each);
        wake();
      },
    });
    const stop = (): void => run.send({ type: 'stop' });
    signal?.addEventListener('abort', stop, { once: true });
    let ended = false;
    const next = async (): Promise<Told> => {
      for (;;) {
        const each = told.shift();
        if (each) {
          ended = each.type !== 'data';
          return each;
        }
        await new Promise<void>((resolve) => (wake = resolve));
      }
    };
    try {
      onStart?.([...plan.inputOptions, '-i', plan.input, ...plan.outputOptions]);
      run.send({ type: 'run', plan, timeoutMs, window: WINDOW });
      for (;;) {
        const each = await next();
        if (each.type === 'error') throw TesseraError.fromBody(each.error);
        failure = each.type === 'end' ? each.failure : undefined;
        if (each.type !== 'data') return;
        yield Buffer.from(each.bytes.buffer, each.bytes.byteOffset, each.bytes.byteLength);
        release([each.bytes.buffer]);
        run.send({ type: 'more' });
      }
    } finally {
      signal?.removeEventListener('abort', stop);
      // Who leaves early waits until the process is gone: its file may be deleted next.
      if (!ended) stop();
      while (!ended) await next();
      run.end();
    }
  }

  return { stdout: read(), stderr, failure: () => failure };
}

/** {@link runProcess} from the same thread, for the same reason. */
export function runProgram(
  command: string,
  args: readonly string[],
  { signal, ...options }: ProgramOptions & { signal?: AbortSignal },
): Promise<ProcessOutput> {
  if (signal?.aborted)
    return Promise.reject(new TesseraError('cancelled', `${command} was not started: the work was cancelled.`));
  return new Promise((resolve, reject) => {
    const run = thread.begin({
      line: () => undefined,
      push: (told) => {
        signal?.removeEventListener('abort', stop);
        run.end();
        if (told.type === 'error') reject(TesseraError.fromBody(told.error));
        else if (told.type === 'output') resolve({ ...told.output, stdout: Buffer.from(told.output.stdout) });
      },
    });
    const stop = (): void => run.send({ type: 'stop' });
    signal?.addEventListener('abort', stop, { once: true });
    run.send({ type: 'program', command, args, options });
  });
}

type Body<T> = T extends { id: number } ? Omit<T, 'id'> : never;

/** The thread, started by the first run and kept; it keeps no process alive that has no run. */
const thread = {
  worker: undefined as Worker | undefined,
  readers: new Map<number, Reader>(),
  nextId: 0,

  begin(reader: Reader): { send(message: Body<ToThread>): void; end(): void } {
    const worker = (this.worker ??= this.start());
    const id = this.nextId++;
    this.readers.set(id, reader);
    worker.ref();
    return {
      send: (message) => worker.postMessage({ ...message, id } as ToThread),
      end: () => {
        this.readers.delete(id);
        if (this.readers.size === 0) worker.unref();
      },
    };
  },

  start(): Worker {
    const worker = spawnWorker(new URL('./ffmpeg-thread.js', import.meta.url), { name: 'ffmpeg' });
    worker.on('message', (message: FromThread) => {
      const reader = this.readers.get(message.id);
      if (message.type === 'line') reader?.line(message.line);
      else reader?.push(message);
    });
    const died = (cause: unknown): void => {
      if (this.worker === worker) this.worker = undefined;
      const error = new TesseraError('internal', 'The thread of ffmpeg stopped.', { cause }).toBody();
      for (const [id, reader] of this.readers) reader.push({ type: 'error', id, error });
    };
    worker.on('error', died);
    worker.on('exit', died);
    return worker;
  },
};
