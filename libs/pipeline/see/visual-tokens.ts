import { numbersOf } from './half-precision.js';
import type { Stage } from '../context.js';
import { putDerived } from '../derived.js';

/** Keeps the visual tokens of pictures, [frames, rows, d] in `halves`, as a blob. @returns the blob's id */
export async function keepVisual(
  stage: Pick<Stage, 'blobs' | 'records'>,
  batches: readonly Uint16Array[],
): Promise<string> {
  const parts = batches.map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength));
  return (await putDerived(stage, Buffer.concat(parts))).id;
}

/** Visual tokens as `keepVisual` kept them. */
export async function readVisual(stage: Pick<Stage, 'blobs'>, blob: string): Promise<Float32Array> {
  return numbersOf(await readHalves(stage, blob));
}

/** The same in half precision: of a film the tokens of one frame after the other are wanted, of which all would be 30 MB. */
export async function readHalves({ blobs }: Pick<Stage, 'blobs'>, blob: string): Promise<Uint16Array> {
  const bytes = await blobs.get(blob);
  // Small blobs lie anywhere in a pool that is shared.
  const own =
    bytes.byteOffset % Uint16Array.BYTES_PER_ELEMENT === 0 ? bytes : Buffer.from(new Uint8Array(bytes).buffer);
  return new Uint16Array(own.buffer, own.byteOffset, own.byteLength / Uint16Array.BYTES_PER_ELEMENT);
}

/** One frame's tokens of all, in memory of their own: who sends a part of an array to another thread sends all of its memory. */
export function frameTokens(all: Uint16Array, frame: number, rows: number, d: number): Float32Array {
  return numbersOf(all.subarray(frame * rows * d, (frame + 1) * rows * d));
}
