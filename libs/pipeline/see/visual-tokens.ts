import { halves, numbersOf } from './half-precision.js';
import type { Stage } from '../context.js';

/** Keeps the visual tokens of pictures, [frames, rows, d], as a blob of half precision numbers. @returns the blob's id */
export async function keepVisual({ blobs }: Pick<Stage, 'blobs'>, batches: readonly Float32Array[]): Promise<string> {
  const parts = batches.map((batch) => {
    const { buffer, byteOffset, byteLength } = halves(batch);
    return Buffer.from(buffer, byteOffset, byteLength);
  });
  return (await blobs.put(Buffer.concat(parts))).id;
}

/** Visual tokens as `keepVisual` kept them. */
export async function readVisual({ blobs }: Pick<Stage, 'blobs'>, blob: string): Promise<Float32Array> {
  const bytes = await blobs.get(blob);
  const bits = new Uint16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  return numbersOf(bits);
}

/** One frame's tokens of all, as a copy: who sends a part of an array to another thread sends all of its memory. */
export function frameTokens(all: Float32Array, frame: number, rows: number, d: number): Float32Array {
  return all.slice(frame * rows * d, (frame + 1) * rows * d);
}
