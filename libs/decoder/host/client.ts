import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { TesseraError, type DecodeEvent, type DecodeRequest, type InstalledPack } from '#contracts';
import { spawnWorker, Tokenizer, type SelectOptions } from '#runtime';
import type { LanguageModel } from '../remote/language-model.js';
import { modelFiles } from '../runner/model.js';
import type { DecoderStats, FromWorker, ToWorker, WorkerOptions } from './messages.js';
import { collectDecoder, countAnswer } from './metrics.js';
import { tracePhases } from './phases.js';

export interface DecoderOptions {
  pack: InstalledPack;
  cacheDir: string;
  /** Bounds of the key-value pages in memory and on disk; 0 on disk keeps nothing across restarts. */
  kvMemoryBytes: number;
  kvDiskBytes: number;
  kvDir: string;
  threads: number;
  executionProviders?: readonly string[];
  /** How pages are chosen; the measured best by default. */
  selection?: SelectOptions;
  onWarning?: (message: string) => void;
}

/** Answers requests, many at once; see {@link createDecoder}. */
export interface Decoder extends LanguageModel {
  /** Id of its pack. */
  readonly id: string;
  /**
   * @throws TesseraError `invalid_request`, `context_too_long`, `overloaded`, `cancelled`; `decoder_failed` (transient)
   * when the worker thread died: the next request starts another
   */
  generate(request: DecodeRequest, signal?: AbortSignal): AsyncIterable<DecodeEvent>;
  countTokens(text: string): number;
  stats(): Promise<DecoderStats>;
  dispose(): Promise<void>;
}

/**
 * Loads the pack's decoder into a worker thread of its own.
 *
 * @example
 * const decoder = await createDecoder({ pack, cacheDir, kvMemoryBytes, kvDiskBytes, kvDir, threads: 2 });
 * for await (const event of decoder.generate({ prefix, segments, question, sampling: { maxTokens: 64 } }))
 *   if (event.type === 'token') process.stdout.write(event.text);
 * await decoder.dispose();
 */
export async function createDecoder(options: DecoderOptions): Promise<Decoder> {
  const { pack, onWarning } = options;
  const worker: WorkerOptions = {
    ...modelFiles(pack),
    cacheDir: options.cacheDir,
    kvMemoryBytes: options.kvMemoryBytes,
    kvDiskBytes: options.kvDiskBytes,
    kvDir: options.kvDir,
    threads: options.threads,
    executionProviders: options.executionProviders ?? [],
    selection: options.selection,
  };
  const client = new DecoderClient(pack.id, worker, await Tokenizer.fromGguf(worker.gguf), onWarning);
  await client.ready();
  client.watched();
  return client;
}

interface Stream {
  push(event: DecodeEvent): void;
  fail(error: TesseraError): void;
}

/** The main thread's side: one message stream for each request; starts the worker anew after it died. */
export class DecoderClient implements Decoder {
  readonly reads = 'embeddings';
  private worker: Worker | undefined;
  private loading: Promise<void> | undefined;
  private nextId = 0;
  private disposed = false;
  private unwatch: (() => void) | undefined;
  private readonly streams = new Map<number, Stream>();
  private readonly inquiries = new Map<number, { resolve(stats: DecoderStats): void; reject(error: Error): void }>();

  constructor(
    readonly id: string,
    private readonly options: WorkerOptions,
    private readonly tokenizer: Tokenizer,
    private readonly onWarning?: (message: string) => void,
  ) {}

  countTokens(text: string): number {
    return this.tokenizer.encode(text).length;
  }

  async *generate(request: DecodeRequest, signal?: AbortSignal): AsyncGenerator<DecodeEvent> {
    const cancelled = (): TesseraError =>
      new TesseraError('cancelled', 'The work was cancelled.', { cause: signal?.reason });
    // Once more after the worker is there, which may take seconds where it has to begin anew.
    const stop = (): void => {
      if (signal?.aborted) throw cancelled();
    };
    stop();
    await this.ready();
    stop();
    const id = this.nextId++;
    const queue = new EventQueue();
    const onAbort = (): void => {
      this.post({ type: 'cancel', id });
      queue.fail(cancelled());
    };
    this.streams.set(id, queue);
    signal?.addEventListener('abort', onAbort, { once: true });
    let finished = false;
    try {
      this.hold();
      this.post({ type: 'generate', id, request });
      for (;;) {
        const event = await queue.next();
        finished = event.type === 'done';
        if (event.type === 'done') {
          tracePhases(event);
          countAnswer(event);
        }
        yield event;
        if (finished) return;
      }
    } finally {
      signal?.removeEventListener('abort', onAbort);
      this.streams.delete(id);
      if (!finished) this.post({ type: 'cancel', id });
      this.hold();
    }
  }

  async stats(): Promise<DecoderStats> {
    await this.ready();
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.inquiries.set(id, { resolve, reject });
      this.hold();
      this.post({ type: 'stats', id });
    });
  }

  /** From now on the metrics of this process tell its state. */
  watched(): void {
    this.unwatch ??= collectDecoder(() => this.stats());
  }

  /** Makes the worker thread fail between two steps, as an uncaught error would: for tests of recovery. */
  crash(): void {
    this.post({ type: 'crash' });
  }

  async dispose(): Promise<void> {
    this.disposed = true;
    this.unwatch?.();
    const worker = this.worker;
    this.lose(new TesseraError('cancelled', 'The decoder was shut down.'));
    if (!worker) return;
    // Terminating a thread inside a native run would abort the process: it stops by itself between two steps.
    worker.ref();
    const exited = once(worker, 'exit');
    worker.postMessage({ type: 'stop' } satisfies ToWorker);
    await exited;
  }

  /** Resolves when the worker has loaded the model, starting it if need be. */
  ready(): Promise<void> {
    if (this.disposed) return Promise.reject(new TesseraError('cancelled', 'The decoder was shut down.'));
    return (this.loading ??= this.start());
  }

  private start(): Promise<void> {
    return new Promise((resolve, reject) => {
      const worker = spawnWorker(new URL('./worker.js', import.meta.url), {
        name: 'decoder',
        workerData: this.options,
      });
      this.worker = worker;
      const died = (reason: string, cause?: unknown): void => {
        if (this.worker !== worker) return;
        const error = new TesseraError('decoder_failed', `The decoder stopped: ${reason}.`, { cause });
        this.lose(error);
        reject(error);
      };
      worker.on('error', (error) => died(error instanceof Error ? error.message : String(error), error));
      worker.on('exit', (code) => died(`exit status ${code}`));
      worker.on('message', (message: FromWorker) => {
        if (message.type === 'ready') {
          worker.unref();
          resolve();
        } else if (message.type === 'fatal') {
          this.worker = undefined;
          this.loading = undefined;
          reject(TesseraError.fromBody(message.error));
        } else this.receive(message);
      });
    });
  }

  private receive(message: Exclude<FromWorker, { type: 'ready' | 'fatal' }>): void {
    switch (message.type) {
      case 'answers':
        for (const answer of message.answers) {
          const stream = this.streams.get(answer.id);
          if ('event' in answer) stream?.push(answer.event);
          else stream?.fail(TesseraError.fromBody(answer.error));
        }
        break;
      case 'warning':
        this.onWarning?.(message.message);
        break;
      case 'stats':
        this.inquiries.get(message.id)?.resolve(message.stats);
        this.inquiries.delete(message.id);
        this.hold();
    }
  }

  private lose(error: TesseraError): void {
    this.worker = undefined;
    this.loading = undefined;
    for (const stream of this.streams.values()) stream.fail(error);
    for (const { reject } of this.inquiries.values()) reject(error);
    this.inquiries.clear();
  }

  /** The process stays alive for the worker's sake only while an answer is awaited. */
  private hold(): void {
    if (this.streams.size + this.inquiries.size > 0) this.worker?.ref();
    else this.worker?.unref();
  }

  private post(message: ToWorker): void {
    this.worker?.postMessage(message);
  }
}

/** Events in the order they came, then the error if there was one. */
class EventQueue implements Stream {
  private readonly events: DecodeEvent[] = [];
  private error: TesseraError | undefined;
  private wake: (() => void) | undefined;

  push(event: DecodeEvent): void {
    this.events.push(event);
    this.wake?.();
  }

  fail(error: TesseraError): void {
    this.error ??= error;
    this.wake?.();
  }

  async next(): Promise<DecodeEvent> {
    for (;;) {
      const event = this.events.shift();
      if (event) return event;
      if (this.error) throw this.error;
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }
}
