import { availableParallelism } from 'node:os';
import type { InstalledPack } from '#contracts';
import {
  buildDecoderGraphs,
  choosePrecision,
  decoderGraphsId,
  EmbeddingTable,
  openGguf,
  openSession,
  readCpu,
  readDecoderConfig,
  Tokenizer,
  type DecoderConfig,
  type LocalSession,
  type Precision,
  type QuantisedKernel,
  type SelectOptions,
} from '#runtime';
import { Kernel, type KernelOptions } from '../kernel/kernel.js';
import { LazyKernel } from '../kernel/lazy-kernel.js';
import { onProcessor } from '../kernel/native/addon.js';
import { NativeKernel } from '../kernel/native/native-kernel.js';
import type { StepKernel } from '../kernel/step-kernel.js';

/** Where the pack's files are and how to run them: plain data, sent to the worker thread. */
export interface ModelOptions {
  gguf: string;
  adapter?: string;
  calibration?: string;
  packId: string;
  cacheDir: string;
  /** 0: one for every core; of a kernel at most MOST_THREADS. */
  threads: number;
  executionProviders: readonly string[];
  selection?: SelectOptions;
  /** By what the processor can do; float32 is the reference for tests. */
  precision?: Precision;
  manyRows?: QuantisedKernel;
  /** Which program computes steps of few tokens; by what the processor can do. `graph`: onnxruntime alone. */
  steps?: 'native' | 'webassembly' | 'graph';
  /** Tokens that somebody waited for before the kernel in WebAssembly is opened. */
  kernelAfter?: number;
  warn?: (message: string) => void;
}

/** Layers whose attention over the working set is reported as evidence. */
const EVIDENCE_LAYERS = [10, 14, 18, 22, 26];

/**
 * A step is hundreds of small operators: threads that sleep between them take longer to wake than to compute. Between
 * runs they sleep (docs/decisions/0020).
 */
const SPIN_WHILE_RUNNING = { 'session.force_spinning_stop': '1' };
/**
 * The exponential of a hidden score is a denormal number, and processors take a hundred times longer over those: softmax
 * was a sixth of prefill.
 */
const NO_DENORMALS = { 'session.set_denormal_as_zero': '1' };

/** An answer or two: from then on each token pays back some of the third of a second that opening the kernel takes. */
const KERNEL_AFTER = 48;

/** A phase of a step is some 50 microseconds of one core: shared among more than these, threads would mostly wait for each other. */
const MOST_THREADS = 8;

/** How pages are chosen (docs/decisions/0014-page-selection.md). */
const SELECTION: SelectOptions = { score: 'max', group: 1 };

/** A loaded decoder: its sessions, sizes, token embeddings and tokenizer. */
export interface DecoderModel {
  /** Identifies graphs and weights: pages that others computed are not this model's. */
  id: string;
  config: DecoderConfig;
  tokenizer: Tokenizer;
  embeddings: EmbeddingTable;
  /** Opens the graph of prefill when one is first needed that no kernel does. */
  prefill: () => Promise<LocalSession>;
  /** Opens the graph of steps when one is first needed that no kernel takes. */
  step: () => Promise<LocalSession>;
  /** Opens the graph that selects pages when it is first needed: most answers read all they are given. Not there in float32. */
  select: (() => Promise<LocalSession>) | undefined;
  /** How pages are chosen. */
  selection: SelectOptions;
  /** Steps of few tokens; not there on other chips, in float32, and for models that it cannot hold. */
  kernel: LazyKernel | undefined;
  evidenceLayers: readonly number[];
  dispose(): Promise<void>;
}

/** The files of a pack's decoder. */
export function modelFiles(pack: InstalledPack): Pick<ModelOptions, 'gguf' | 'adapter' | 'calibration' | 'packId'> {
  const { base, adapter, calibration } = pack.manifest.decoder;
  const path = (name: string | undefined): string | undefined => (name === undefined ? undefined : pack.path(name));
  return { gguf: pack.path(base), adapter: path(adapter), calibration: path(calibration), packId: pack.id };
}

export async function loadModel(options: ModelOptions): Promise<DecoderModel> {
  const gguf = await openGguf(options.gguf);
  try {
    const config = await readDecoderConfig(gguf);
    const evidenceLayers = EVIDENCE_LAYERS.filter((layer) => layer < config.layers);
    const chosen = choosePrecision(await readCpu());
    const { precision = chosen.precision, manyRows = chosen.manyRows, selection = SELECTION } = options;
    const wanted = { ...options, precision, manyRows, evidenceLayers, selection };
    const graphs = once(() => buildDecoderGraphs(wanted));
    const { threads, executionProviders, warn } = options;
    const common = {
      threads,
      executionProviders,
      onWarning: warn,
      spin: true,
      config: { ...SPIN_WHILE_RUNNING, ...NO_DENORMALS },
    };
    // Chunks and choices are of many sizes, and an arena keeps memory for each (docs/decisions/0014).
    const anySize = { ...common, arena: false };
    const openPrefill = once(async () =>
      openSession({ ...anySize, file: (await graphs()).prefill, name: 'decoder prefill' }),
    );
    const openStep = once(async () => openSession({ ...common, file: (await graphs()).step, name: 'decoder step' }));
    const byKernel = precision === 'int8' && onProcessor(executionProviders);
    const kernel = byKernel ? await chooseKernel({ ...options, config, evidenceLayers }) : undefined;
    const openSelect = once(async () =>
      openSession({ ...anySize, file: (await graphs()).select!, name: 'decoder selection' }),
    );
    // Where no kernel is there from the first token on, the first answer would wait for the graph.
    if (kernel?.ready !== true) {
      await openPrefill();
      await openStep();
    }
    return {
      id: decoderGraphsId(wanted),
      config,
      evidenceLayers,
      selection,
      prefill: openPrefill,
      step: openStep,
      kernel,
      select: precision === 'int8' ? openSelect : undefined,
      tokenizer: Tokenizer.fromMetadata(gguf.metadata),
      embeddings: kernel?.embed ? new EmbeddingTable(config, kernel.embed) : await EmbeddingTable.read(gguf, config),
      dispose: async () => {
        await (await openPrefill.opened())?.dispose();
        await (await openStep.opened())?.dispose();
        await kernel?.dispose();
        await (await openSelect.opened())?.dispose();
      },
    };
  } finally {
    await gguf.close();
  }
}

/** The native kernel where it can run, from the first token on; else that in WebAssembly, once it pays. */
async function chooseKernel(options: ModelOptions & KernelOptions): Promise<LazyKernel | undefined> {
  const { steps, kernelAfter = KERNEL_AFTER, warn } = options;
  if (steps === 'graph') return undefined;
  // onnxruntime knows what 0 means, kernels do not.
  const withThreads = { ...options, threads: options.threads || Math.min(availableParallelism(), MOST_THREADS) };
  if (steps !== 'webassembly') {
    const native = await NativeKernel.open(withThreads);
    if (native) return new LazyKernel(() => Promise.resolve(native), 0, warn, native);
    if (steps === 'native')
      throw new Error('the native kernel was not built, or this processor or model is not one for it');
  }
  return new LazyKernel((): Promise<StepKernel | undefined> => Kernel.open(withThreads), kernelAfter, warn);
}

/** Opens something when it is first asked for; when that fails, the next one who asks tries again. */
function once<T>(open: () => Promise<T>): (() => Promise<T>) & { opened(): Promise<T | undefined> } {
  let opening: Promise<T> | undefined;
  const ask = (): Promise<T> =>
    (opening ??= open().catch((error: unknown) => {
      opening = undefined;
      throw error;
    }));
  return Object.assign(ask, { opened: async () => opening });
}
