import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import ort from 'onnxruntime-node';
import { TesseraError } from '#contracts';
import { planProviders } from '../providers/plan.js';
import { release } from '../workers/release.js';
import type { OnnxSession, RunOptions, SessionOptions } from './session.js';
import { checkFeeds, describeFeeds, type Feeds, type Tensor, type TensorInfo, type TensorType } from './tensor.js';

// The native library writes to stderr by itself; what matters reaches the caller as errors and warnings.
ort.env.logLevel = 'fatal';

type NativeSession = Awaited<ReturnType<typeof ort.InferenceSession.create>>;

/** Names of the execution providers in this build of onnxruntime, for this platform. */
export const availableProviders = (): string[] => ort.listSupportedBackends().map(({ name }) => name);

/**
 * Loads a model into this thread, where each run blocks until it is done: for code that has a worker thread of its
 * own. Anywhere else take {@link createSession}.
 * @throws TesseraError `model_missing`, `model_invalid`
 */
export async function openSession(options: SessionOptions): Promise<LocalSession> {
  const model = options.bytes ?? options.file;
  if (model === undefined) throw new TesseraError('internal', `${options.name}: neither a model file nor its bytes.`);
  if (typeof model === 'string' && !existsSync(model))
    throw new TesseraError('model_missing', `${options.name}: the model file ${model} does not exist.`);
  const { providers, warnings } = planProviders(options.executionProviders ?? [], availableProviders());
  for (const provider of providers) {
    try {
      const native = await ort.InferenceSession.create(model as string, nativeOptions(options, provider));
      warnings.forEach((warning) => options.onWarning?.(`${options.name}: ${warning}`));
      return new LocalSession(options.name, native, provider, warnings);
    } catch (error) {
      if (provider === 'cpu') throw invalidModel(options, error);
      warnings.push(`execution provider "${provider}" could not be used: ${firstLine(error)}`);
    }
  }
  throw new TesseraError('internal', `${options.name}: no execution provider left.`);
}

/** An {@link OnnxSession} whose runs block the thread that calls them; see {@link openSession}. */
export class LocalSession implements OnnxSession {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  private disposed = false;

  constructor(
    readonly name: string,
    private readonly native: NativeSession,
    readonly executionProvider: string,
    readonly warnings: readonly string[],
  ) {
    this.inputs = native.inputMetadata.map(toInfo);
    this.outputs = native.outputMetadata.map(toInfo);
  }

  /** `into` receives outputs in memory that the caller owns; its tensors must have exactly the outputs' shapes. */
  async run(
    feeds: Feeds,
    { outputs, signal, into }: Omit<RunOptions, 'transfer'> & { into?: Feeds } = {},
  ): Promise<Record<string, Tensor>> {
    if (this.disposed) throw new TesseraError('cancelled', `${this.name}: the session was disposed.`);
    if (signal?.aborted) throw new TesseraError('cancelled', 'The work was cancelled.', { cause: signal.reason });
    const faults = checkFeeds(this.inputs, feeds);
    if (faults.length > 0) throw new TesseraError('invalid_request', `${this.name}: ${faults.join('; ')}.`);
    const wanted = Object.fromEntries((outputs ?? this.native.outputNames).map((name) => [name, null]));
    try {
      const results = await this.native.run(toNatives(feeds), { ...wanted, ...(into && toNatives(into)) });
      const given = Object.entries(results).map(([name, value]) => [name, fromNative(value as ort.Tensor)] as const);
      // onnxruntime's binding fills `into` and gives a copy of it, too.
      release(given.flatMap(([name, { data }]) => (isCopy(data, into?.[name]) ? [data.buffer] : [])));
      return Object.fromEntries(given.map(([name, value]) => [name, into?.[name] ?? value]));
    } catch (error) {
      throw new TesseraError('model_failed', `${this.name} failed on ${describeFeeds(feeds)}: ${firstLine(error)}`, {
        cause: error,
      });
    }
  }

  async dispose(): Promise<void> {
    if (this.disposed) return;
    this.disposed = true;
    await this.native.release();
  }
}

const isCopy = (data: Tensor['data'], of: Tensor | undefined): boolean =>
  of !== undefined && data.buffer !== of.data.buffer;

function nativeOptions(options: SessionOptions, provider: string): ort.InferenceSession.SessionOptions {
  return {
    executionProviders: provider === 'cpu' ? ['cpu'] : [provider, 'cpu'],
    intraOpNumThreads: options.threads ?? 1,
    interOpNumThreads: 1,
    graphOptimizationLevel: options.graphOptimization ?? 'all',
    enableCpuMemArena: options.arena ?? true,
    enableMemPattern: options.arena ?? true,
    logSeverityLevel: 4,
    extra: { 'session.intra_op.allow_spinning': options.spin ? '1' : '0', ...options.config },
  };
}

// Node from 24 on has Float16Array, and onnxruntime then insists on it; our tensors hold the bits in Uint16Array.
type HalfArray = new (buffer: ArrayBufferLike, offset: number, length: number) => Uint16Array;
const HalfArray = (globalThis as { Float16Array?: HalfArray }).Float16Array ?? Uint16Array;

function toNatives(feeds: Feeds): Record<string, ort.Tensor> {
  return Object.fromEntries(Object.entries(feeds).map(([name, value]) => [name, toNative(value)]));
}

function toNative({ type, dims, data }: Tensor): ort.Tensor {
  // onnxruntime's binding refuses shared memory, so that costs one copy.
  const own = data.buffer instanceof SharedArrayBuffer ? data.slice() : data;
  const held = type === 'float16' ? new HalfArray(own.buffer, own.byteOffset, own.length) : own;
  return new ort.Tensor(type, held as Float32Array, dims);
}

function fromNative({ type, dims, data }: ort.Tensor): Tensor {
  const half = data as Uint16Array;
  const held = type === 'float16' ? new Uint16Array(half.buffer, half.byteOffset, half.length) : data;
  return { type: type as TensorType, dims, data: held as Tensor['data'] };
}

function toInfo(info: ort.InferenceSession.ValueMetadata): TensorInfo {
  if (!info.isTensor) throw new TesseraError('model_invalid', `"${info.name}" is not a tensor.`);
  return { name: info.name, type: info.type as TensorType, dims: info.shape };
}

function invalidModel({ name, file }: SessionOptions, error: unknown): TesseraError {
  const which = file === undefined ? 'The model' : `The model file ${basename(file)}`;
  return new TesseraError(
    'model_invalid',
    `${which} of the ${name} cannot be loaded: ${firstLine(error)} \`tessera models verify\` checks the installed files.`,
    { cause: error },
  );
}

const firstLine = (error: unknown): string => (error instanceof Error ? error.message : String(error)).split('\n')[0]!;
