import { TesseraError } from '#contracts';
import { WorkerClient } from '../workers/client.js';
import type { OnnxSession, RunOptions, SessionOptions } from './session.js';
import type { LoadedSession } from './session-worker.js';
import { checkFeeds, type Feeds, type Tensor } from './tensor.js';

/**
 * One worker thread with any number of models in it; their runs take turns. Put models that feed each other into one
 * host (an encoder and its decoder): more threads than cores only make them wait for each other.
 */
export class SessionHost {
  private readonly client: WorkerClient;

  constructor(name: string) {
    this.client = new WorkerClient(new URL('./session-worker.js', import.meta.url), { name });
  }

  /**
   * Loads a model into the host's thread.
   * @throws TesseraError `model_missing`, `model_invalid`, `cancelled`
   */
  async load(
    { onWarning, ...options }: SessionOptions,
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<OnnxSession> {
    const loaded = await this.client.call<LoadedSession>('load', options, { signal });
    loaded.warnings.forEach((warning) => onWarning?.(`${options.name}: ${warning}`));
    return new HostedSession(options, loaded, this.client);
  }

  /** Stops the thread and with it every session; pending runs are rejected as `cancelled`. */
  dispose(): Promise<void> {
    return this.client.dispose();
  }
}

/**
 * Loads a model into a worker thread of its own, so that the event loop stays free while it computes.
 * If the thread dies, pending runs are rejected with `model_failed`; the next one loads the model again.
 *
 * @example
 * const session = await createSession({ file, name: 'vision encoder', threads: 2 });
 * const { feature_map } = await session.run({ pixel_values: tensor('float32', [1, 3, 256, 256], pixels) });
 * await session.dispose();
 */
export async function createSession(options: SessionOptions, run?: { signal?: AbortSignal }): Promise<OnnxSession> {
  const host = new SessionHost(options.name);
  try {
    const session = await host.load(options, run);
    return Object.assign(session, { dispose: () => host.dispose() });
  } catch (error) {
    await host.dispose();
    throw error;
  }
}

class HostedSession implements OnnxSession {
  readonly name;
  readonly inputs;
  readonly outputs;
  readonly executionProvider;
  readonly warnings;
  private id: number;
  private generation: number;
  private reloading: Promise<void> | undefined;
  private disposed = false;

  constructor(
    private readonly options: SessionOptions,
    loaded: LoadedSession,
    private readonly client: WorkerClient,
  ) {
    this.name = options.name;
    this.id = loaded.id;
    this.inputs = loaded.inputs;
    this.outputs = loaded.outputs;
    this.executionProvider = loaded.executionProvider;
    this.warnings = loaded.warnings;
    this.generation = client.generation;
  }

  async run(feeds: Feeds, { outputs, signal, transfer }: RunOptions = {}): Promise<Record<string, Tensor>> {
    this.requireOpen();
    // Only where it has to: feeds are taken as they are at the time of the call.
    if (this.client.generation !== this.generation) {
      await this.reload();
      this.requireOpen();
    }
    const faults = checkFeeds(this.inputs, feeds);
    if (faults.length > 0) throw new TesseraError('invalid_request', `${this.name}: ${faults.join('; ')}.`);
    const own = Object.fromEntries(Object.entries(feeds).map(([name, value]) => [name, withOwnBuffer(value)]));
    const moving = Object.entries(own).filter(([name, value]) => transfer || value !== feeds[name]);
    const buffers = moving.map(([, { data }]) => data.buffer).filter((buffer) => buffer instanceof ArrayBuffer);
    return this.client.call('run', { id: this.id, feeds: own, outputs }, { signal, transfer: [...new Set(buffers)] });
  }

  async dispose(): Promise<void> {
    if (this.disposed) return;
    this.disposed = true;
    await this.reloading?.catch(() => undefined);
    if (this.client.generation === this.generation) await this.client.call('release', this.id);
  }

  /** Another thread knows nothing of this model. Runs that come meanwhile wait for the same load; a failed one is tried again by the next. */
  private reload(): Promise<void> {
    return (this.reloading ??= this.client
      .call<LoadedSession>('load', this.options)
      .then(({ id }) => {
        this.id = id;
        this.generation = this.client.generation;
      })
      .finally(() => (this.reloading = undefined)));
  }

  private requireOpen(): void {
    if (this.disposed) throw new TesseraError('cancelled', `${this.name}: the session was disposed.`);
  }
}

/** Sending a view sends its whole buffer; a view into a larger buffer is therefore cut out first. */
function withOwnBuffer(value: Tensor): Tensor {
  const { data } = value;
  const whole = data.byteLength === data.buffer.byteLength || data.buffer instanceof SharedArrayBuffer;
  return whole ? value : { ...value, data: data.slice() };
}
