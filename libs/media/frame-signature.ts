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

export function nearlyEqual(a: FrameSignature, b: FrameSignature): boolean {
  let sum = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!);
    if (difference > SAME_CELL) return false;
    sum += difference;
  }
  return sum / a.length < SAME_MEAN;
}
