import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { projectRoot } from '#runtime';

/** Pointers that JavaScript cannot look into. */
export type NativeModel = object & { readonly kernel: unique symbol };
export type NativeSet = object & { readonly set: unique symbol };

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
  writeSet(
    model: NativeModel,
    set: NativeSet,
    keys: readonly Float32Array[],
    values: readonly Float32Array[],
    bias: Float32Array,
    capacity: number,
    slot: number,
    from: number,
    to: number,
  ): void;
  step(
    model: NativeModel,
    sets: readonly NativeSet[],
    places: Int32Array,
    keys: readonly Float32Array[],
    values: readonly Float32Array[],
    bias: Float32Array,
    capacity: number,
    tokens: Int32Array,
    embeddings: Float32Array,
    phases: Float32Array,
    logits: Float32Array,
    mass: Float32Array,
    massCapacity: number,
  ): void;
}

interface Loaded {
  addon: KernelAddon | undefined;
  /** Why it is or is not used, for people. */
  reason: string;
}

let loaded: Loaded | undefined;

/** The compiled kernel, where it was built (`npm run build`, with a C compiler) and this processor can run it. */
export function loadAddon(): KernelAddon | undefined {
  return (loaded ??= load()).addon;
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
  const { addon, reason } = (loaded ??= load());
  return { by: addon ? 'native' : 'webassembly', reason };
}

function load(): Loaded {
  const file = join(projectRoot(), 'dist', 'native', 'kernel.node');
  if (!existsSync(file))
    return { addon: undefined, reason: 'there was no C compiler for Linux on x64 when this was built' };
  try {
    const addon = createRequire(import.meta.url)(file) as KernelAddon;
    if (addon.supported()) return { addon, reason: 'compiled for AVX-512 VNNI' };
    return { addon: undefined, reason: 'this processor has no AVX-512 VNNI' };
  } catch (error) {
    return { addon: undefined, reason: `its file cannot be loaded: ${String(error)}` };
  }
}
