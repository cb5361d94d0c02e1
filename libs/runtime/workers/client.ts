import { once } from 'node:events';
import type { Transferable, Worker, WorkerOptions } from 'node:worker_threads';
import { TesseraError } from '#contracts';
import { STOP, unpackError, type Call, type Reply } from './messages.js';
import { spawnWorker } from './spawn.js';

export interface CallOptions {
  /** Buffers inside the payload that move to the worker instead of being copied; the caller loses them. */
  transfer?: Transferable[];
  signal?: AbortSignal;
}

interface Pending {
  call: Call;
  transfer: Transferable[];
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/**
 * Calls the methods of one worker thread. Calls wait on this side and go over one at a time, so that a call that is
 * aborted while it waits never costs the worker anything; one that already runs is left behind and its answer dropped.
 *
 * A worker that dies (uncaught error, heap exhausted) rejects every pending call with `model_failed`; the next call
 * starts a new worker, which knows nothing of the old one's state: compare {@link generation}.
 */
export class WorkerClient {
  private worker: Worker | undefined;
  private queue: Pending[] = [];
  private running: Pending | undefined;
  private nextId = 0;
  private disposed = false;
  private deaths = 0;

  constructor(
    private readonly entry: URL,
    private readonly options: Pick<WorkerOptions, 'resourceLimits' | 'workerData'> & { name: string },
  ) {}

  /** How many times a worker died; state that lives in the worker is lost when this changes. */
  get generation(): number {
    return this.deaths;
  }

  call<T>(method: string, payload: unknown, { transfer = [], signal }: CallOptions = {}): Promise<T> {
    if (this.disposed) return Promise.reject(new TesseraError('cancelled', `${this.options.name} was shut down.`));
    if (signal?.aborted) return Promise.reject(cancelled(signal));
    return new Promise<T>((resolve, reject) => {
      const onAbort = () => {
        this.queue = this.queue.filter((other) => other !== pending);
        pending.reject(cancelled(signal));
      };
      const settled =
        <A>(settle: (value: A) => void) =>
        (value: A) => {
          signal?.removeEventListener('abort', onAbort);
          settle(value);
        };
      const pending: Pending = {
        call: { id: this.nextId++, method, payload },
        transfer,
        resolve: settled(resolve as (value: unknown) => void),
        reject: settled(reject),
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.queue.push(pending);
      this.advance();
    });
  }

  /**
   * Rejects what is still pending as cancelled and stops the thread, once the call that runs has come to its end:
   * onnxruntime takes the whole process down when its thread is terminated under it. Safe to call twice.
   */
  async dispose(): Promise<void> {
    this.disposed = true;
    const worker = this.worker;
    this.fail(new TesseraError('cancelled', `${this.options.name} was shut down.`));
    if (!worker) return;
    worker.ref();
    worker.postMessage(STOP);
    await once(worker, 'exit');
  }

  private advance(): void {
    if (this.running) return;
    const next = this.queue.shift();
    if (!next) {
      this.worker?.unref();
      return;
    }
    this.running = next;
    try {
      this.worker ??= this.start();
      this.worker.ref();
      this.worker.postMessage(next.call, next.transfer);
    } catch (error) {
      this.running = undefined;
      next.reject(TesseraError.from(error));
      this.advance();
    }
  }

  private start(): Worker {
    const worker = spawnWorker(this.entry, this.options);
    const died = (reason: string, cause?: Error) => {
      if (this.worker !== worker) return;
      this.deaths += 1;
      this.fail(
        new TesseraError('model_failed', `The worker thread "${this.options.name}" stopped: ${reason}`, { cause }),
      );
    };
    worker.on('message', (reply: Reply) => {
      const done = this.running;
      if (!done || done.call.id !== reply.id) return;
      this.running = undefined;
      if ('error' in reply) done.reject(unpackError(reply.error));
      else done.resolve(reply.value);
      this.advance();
    });
    worker.on('error', (error) => died(error.message, error));
    worker.on('exit', (code) => died(`exit status ${code}`));
    return worker;
  }

  private fail(error: TesseraError): void {
    const lost = this.running ? [this.running, ...this.queue] : this.queue;
    this.worker = undefined;
    this.running = undefined;
    this.queue = [];
    for (const pending of lost) pending.reject(error);
  }
}

function cancelled(signal: AbortSignal | undefined): TesseraError {
  return new TesseraError('cancelled', 'The work was cancelled.', { cause: signal?.reason });
}
