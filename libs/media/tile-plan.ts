/** A part of a picture, in its pixels. */
export interface Tile {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** A side that is shorter has no two halves. */
const LEAST_SIDE = 2;

/**
 * The quarters of a picture in reading order: top left, top right, bottom left, bottom right. They meet at ⌊width / 2⌋ and
 * ⌊height / 2⌋, as in training, so that an odd row or column belongs to the later one. None of a picture that is too small.
 */
export function quartersOf(width: number, height: number): Tile[] {
  if (Math.min(width, height) < LEAST_SIDE) return [];
  const across = halves(width).map(([left, width]) => ({ left, width }));
  const down = halves(height).map(([top, height]) => ({ top, height }));
  return down.flatMap((row) => across.map((column) => ({ ...column, ...row })));
}

/** Where each half of a side begins, and how long it is. */
function halves(side: number): [from: number, length: number][] {
  const middle = Math.floor(side / 2);
  return [
    [0, middle],
    [middle, side - middle],
  ];
}
