import { readSafetensors } from '../safetensors/file.js';
import type { Adapter } from './weights.js';

/** alpha / rank of the adapters that training/ makes. */
const DEFAULT_SCALE = 2;
const SUFFIX = /^lora\.(.+)\.a$/;

/** Reads the low-rank updates `lora.NAME.{a,b}` of an adapter file; scaled by metadata `scale`. */
export async function readAdapter(file: string): Promise<Adapter> {
  const tensors = await readSafetensors(file);
  try {
    const names = [...tensors.tensors.keys()].flatMap((name) => SUFFIX.exec(name)?.[1] ?? []);
    const matrices = new Map<string, { a: Float32Array; b: Float32Array; rank: number }>();
    for (const name of names) {
      const a = await tensors.floats(`lora.${name}.a`);
      const b = await tensors.floats(`lora.${name}.b`);
      matrices.set(name, { a, b, rank: tensors.info(`lora.${name}.a`).shape[1]! });
    }
    return {
      scale: Number(tensors.metadata['lora_scale'] ?? tensors.metadata['scale'] ?? DEFAULT_SCALE),
      matrix: (name) => matrices.get(name),
    };
  } finally {
    await tensors.close();
  }
}
