import { openAddon } from '#runtime';

/** Pointers that JavaScript cannot look into. */
export type NativeModel = object & { readonly kernel: unique symbol };
export type NativeSet = object & { readonly set: unique symbol };

/** Rows of one working set, in the kernel's copy and in an arena. */
type ArenaRows = [
  model: NativeModel,
  set: NativeSet,
  keys: readonly Float32Array[],
  values: readonly Float32Array[],
  bias: Float32Array,
  capacity: number,
  slot: number,
  from: number,
  to: number,
];

/** What binding.c offers; it describes the arguments. */
export interface KernelAddon {
  supported(): boolean;
  create(sizes: Int32Array, epsilon: number, threads: number): NativeModel;
  destroy(model: NativeModel): void;
  setPart(
    model: NativeModel,
    layer: number,
    part: number,
    format: number,
    rows: number,
    columns: number,
    data: Uint8Array | Float32Array,
    bias: Float32Array | undefined,
    a: Float32Array | undefined,
    b: Float32Array | undefined,
    scale: number,
  ): void;
  setNorm(model: NativeModel, layer: number, which: number, weight: Float32Array): void;
  setEvidence(model: NativeModel, layer: number, index: number): void;
  embed(model: NativeModel, token: number, out: Float32Array, at: number): void;
  openSet(model: NativeModel, capacity: number): NativeSet;
  closeSet(set: NativeSet): void;
  trim(model: NativeModel): void;
  writeSet(...rows: ArenaRows): void;
  readSet(...rows: ArenaRows): void;
  copySet(model: NativeModel, from: NativeSet, to: NativeSet, rows: number): void;
  fill(
    model: NativeModel,
    set: NativeSet,
    row: number,
    phases: Float32Array,
    pages: Int32Array,
    tokens: Uint8Array,
    planeKeys: readonly Uint8Array[],
    planeKeyScales: readonly Float32Array[],
    planeValues: readonly Int8Array[],
    planeValueScales: readonly Float32Array[],
    total: number,
  ): void;
  step(
    model: NativeModel,
    sets: readonly NativeSet[],
    lengths: Int32Array,
    tokens: Int32Array,
    embeddings: Float32Array,
    phases: Float32Array,
    logits: Float32Array,
    mass: Float32Array,
    massCapacity: number,
    likeliest: Int32Array,
  ): void;
  prefix(
    model: NativeModel,
    set: NativeSet,
    embeddings: Float32Array,
    phases: Float32Array,
    keys: readonly Float32Array[],
    values: readonly Float32Array[],
  ): void;
  prefill(
    model: NativeModel,
    sets: readonly NativeSet[],
    places: Int32Array,
    tokens: Int32Array,
    embeddings: Float32Array,
    phases: Float32Array,
    keys: Uint8Array,
    values: Int8Array,
    keyScales: Float32Array,
    valueScales: Float32Array,
    segments: number,
    rows: number,
  ): void;
  select(
    model: NativeModel,
    set: NativeSet,
    before: number,
    embeddings: Float32Array,
    phases: Float32Array,
    pages: Int32Array,
    tokens: Uint8Array,
    prior: Float32Array,
    scored: Int32Array,
    count: number,
    planeKeys: readonly Uint8Array[],
    planeKeyScales: readonly Float32Array[],
    planeValues: readonly Int8Array[],
    planeValueScales: readonly Float32Array[],
    total: number,
    logits: Float32Array,
    mass: Float32Array,
    massCapacity: number,
    chosen: Int32Array,
  ): void;
}

/** Kinds of vectors that the kernel is compiled for, the fastest first. */
export const VECTORS = { avx512: 'AVX-512 VNNI', avx2: 'AVX2' } as const;
export type Vectors = keyof typeof VECTORS;

interface Loaded {
  addon: KernelAddon | undefined;
  /** Why it is or is not used, for people. */
  reason: string;
}

const loaded = new Map<Vectors, Loaded>();

/** The compiled kernel, where it was built (`npm run build`, with a C compiler) and this processor can run it. */
export function loadAddon(): KernelAddon | undefined {
  return chosen().addon;
}

/** The same for one kind of vectors. */
export function loadAddonFor(vectors: Vectors): KernelAddon | undefined {
  return load(vectors).addon;
}

/** Kernels compute on the processor; on other chips onnxruntime does it all. */
export function onProcessor(executionProviders: readonly string[]): boolean {
  return executionProviders.every((name) => name === 'cpu');
}

/** What `tessera models list` says about it. */
export function describeSteps(executionProviders: readonly string[]): {
  by: 'native' | 'webassembly' | 'graph';
  reason: string;
} {
  if (!onProcessor(executionProviders)) return { by: 'graph', reason: 'other chips are asked for' };
  const { addon, reason } = chosen();
  return { by: addon ? 'native' : 'webassembly', reason };
}

/** The first that runs here, or why the last does not. */
function chosen(): Loaded {
  const kinds = Object.keys(VECTORS) as Vectors[];
  return load(kinds.find((vectors) => load(vectors).addon) ?? kinds.at(-1)!);
}

function load(vectors: Vectors): Loaded {
  const known = loaded.get(vectors) ?? open(vectors);
  loaded.set(vectors, known);
  return known;
}

function open(vectors: Vectors): Loaded {
  const { addon, reason } = openAddon<KernelAddon>(vectors);
  if (!addon) return { addon, reason };
  if (addon.supported()) return { addon, reason: `compiled for ${VECTORS[vectors]}` };
  return { addon: undefined, reason: `this processor has no ${VECTORS[vectors]}` };
}
