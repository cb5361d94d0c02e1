import type { Look, MediumLook } from '#storage';

/** A picture, or a frame of a film, by how much it looks like another one. */
export interface Likeness {
  medium: MediumLook['medium'];
  start: number | null;
  end: number | null;
  /** Cosine of the two looks, -1 to 1. */
  rank: number;
}

const lengthOf = (row: Int8Array): number => Math.sqrt(row.reduce((sum, value) => sum + value * value, 0));

/** The look of a picture, or of the frame that a film shows at a time (seconds). Undefined when nothing was seen. */
export function lookAt({ starts, features }: Look, time = 0): { row: Int8Array; index: number } | undefined {
  if (starts.length === 0) return undefined;
  const after = starts.findIndex((start) => start !== null && start > time);
  const index = Math.max(0, (after < 0 ? starts.length : after) - 1);
  const d = features.length / starts.length;
  return { row: features.subarray(index * d, (index + 1) * d), index };
}

/** Cosine of each of a medium's frames with `row`. All 0 when they come from different encoders. */
function cosines(row: Int8Array, { starts, features }: Look): number[] {
  const d = features.length / starts.length;
  if (d !== row.length) return starts.map(() => 0);
  const length = lengthOf(row);
  return starts.map((_, frame) => {
    let [product, square] = [0, 0];
    for (let i = 0, at = frame * d; i < d; i++, at++) {
      const value = features[at] as number;
      product += value * (row[i] as number);
      square += value * value;
    }
    return product === 0 ? 0 : product / (length * Math.sqrt(square));
  });
}

/** A medium's frames that look most like `row`: of those that follow one another, the one that is more like it than its neighbours. */
export function likenesses(row: Int8Array, look: MediumLook, except?: number): Likeness[] {
  const ranks = cosines(row, look);
  if (except !== undefined) ranks[except] = -Infinity;
  return ranks.flatMap((rank, i) => {
    if (i === except || rank <= 0 || rank < (ranks[i - 1] ?? 0) || rank <= (ranks[i + 1] ?? 0)) return [];
    return [{ medium: look.medium, start: look.starts[i] ?? null, end: look.ends[i] ?? null, rank }];
  });
}
