import type { Box } from '#contracts';

/** Edges in any unit; y grows downwards. */
export interface Edges {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** A ten-thousandth is less than a pixel of what is drawn. */
const rounded = (share: number): number => Math.round(1e4 * Math.min(1, Math.max(0, share))) / 1e4;

/** Edges as shares of the page, picture or frame that they lie on. */
export function boxOn({ left, top, right, bottom }: Edges, { width, height }: { width: number; height: number }): Box {
  const [x, y] = [rounded(left / width), rounded(top / height)];
  return {
    left: x,
    top: y,
    width: rounded(rounded(right / width) - x),
    height: rounded(rounded(bottom / height) - y),
  };
}

/** The smallest box that holds all of them; undefined for none. */
export function boxAround(boxes: readonly Box[]): Box | undefined {
  if (boxes.length === 0) return undefined;
  const edges = {
    left: Math.min(...boxes.map(({ left }) => left)),
    top: Math.min(...boxes.map(({ top }) => top)),
    right: Math.max(...boxes.map(({ left, width }) => left + width)),
    bottom: Math.max(...boxes.map(({ top, height }) => top + height)),
  };
  return boxOn(edges, { width: 1, height: 1 });
}
