import sharp from 'sharp';

/** Borders of a frame in pixels. */
export interface Bars {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** Brightest channel of black as it comes out of a video codec. */
const BLACK = 24;
/** Share of a line's pixels that may be brighter: noise of the codec. */
const NOISE = 0.02;
/** Thinner borders (of the frame's side) take nothing away from the picture. */
const LEAST = 0.03;
/** Bars are alike on both sides; a dark part of a scene is not. Share of the frame's side. */
const ALIKE = 0.02;
/** A picture that would be smaller than this (share of the frame's side) is rather a dark scene. */
const LEAST_PICTURE = 0.25;

/**
 * Black bars beside, or above and below, a picture of another shape than the film's. @param rgb packed [size, size, 3]
 * @returns undefined where there are none
 */
export function barsOf(rgb: Uint8Array, size: number): Bars | undefined {
  const isBlack = (line: number, step: number, next: number): boolean => {
    let brighter = 0;
    for (let i = 0, at = line * step; i < size; i++, at += next)
      if (Math.max(rgb[at]!, rgb[at + 1]!, rgb[at + 2]!) > BLACK && ++brighter > NOISE * size) return false;
    return true;
  };
  const black = (from: number, by: 1 | -1, step: number, next: number): number => {
    let lines = 0;
    while (lines < size && isBlack(from + by * lines, step, next)) lines++;
    return lines;
  };
  const [row, column] = [3 * size, 3];
  const [top, bottom] = pair(black(0, 1, row, column), black(size - 1, -1, row, column), size);
  const [left, right] = pair(black(0, 1, column, row), black(size - 1, -1, column, row), size);
  return left + right + top + bottom === 0 ? undefined : { left, top, right, bottom };
}

/** Both borders, where they are bars. */
function pair(a: number, b: number, size: number): [number, number] {
  const bars =
    Math.min(a, b) >= LEAST * size && Math.abs(a - b) <= ALIKE * size && size - a - b >= LEAST_PICTURE * size;
  return bars ? [a, b] : [0, 0];
}

/** The picture between the bars, as large as the frame: what an encoder is to look at. A frame without bars is returned as it is. */
export async function withoutBars(rgb: Uint8Array, size: number): Promise<Uint8Array> {
  const bars = barsOf(rgb, size);
  if (!bars) return rgb;
  const { left, top, right, bottom } = bars;
  const picture = await sharp(rgb, { raw: { width: size, height: size, channels: 3 } })
    .extract({ left, top, width: size - left - right, height: size - top - bottom })
    .resize(size, size, { fit: 'fill' })
    .raw()
    .toBuffer();
  return new Uint8Array(picture.buffer, picture.byteOffset, picture.byteLength);
}
