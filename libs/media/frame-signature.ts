const GRID = 16;
/** Mean and largest difference of a cell's colour (of 255) below which nobody would call two frames different. */
const SAME_MEAN = 2.5;
const SAME_CELL = 16;

/** A perceptual hash: the mean colour of 16 × 16 cells. Unlike a difference hash it tells flat pictures apart. */
export type FrameSignature = Float32Array;

/** @param rgb packed [size, size, 3]; size is a multiple of 16 */
export function signatureOf(rgb: Uint8Array, size: number): FrameSignature {
  const signature = new Float32Array(GRID * GRID * 3);
  const cell = size / GRID;
  for (let y = 0, at = 0; y < size; y++) {
    const row = Math.floor(y / cell) * GRID;
    for (let x = 0; x < size; x++) {
      const to = (row + Math.floor(x / cell)) * 3;
      for (let c = 0; c < 3; c++) signature[to + c]! += rgb[at++]!;
    }
  }
  return signature.map((sum) => sum / (cell * cell));
}

/** Mean difference (of 255) from which two frames show different things, and not the same thing a moment later. */
const CUT_MEAN = 18;

/** How two frames differ: not to the eye, as a thing that moves, or as two pictures. */
export type Change = 'same' | 'moved' | 'cut';

export function changeBetween(a: FrameSignature, b: FrameSignature): Change {
  let sum = 0;
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!);
    largest = Math.max(largest, difference);
    sum += difference;
  }
  const mean = sum / a.length;
  return mean >= CUT_MEAN ? 'cut' : mean < SAME_MEAN && largest <= SAME_CELL ? 'same' : 'moved';
}

export const nearlyEqual = (a: FrameSignature, b: FrameSignature): boolean => changeBetween(a, b) === 'same';
