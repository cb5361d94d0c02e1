import type { GreyPicture } from './text-recognizer.js';

/** Columns of a cell: a few letters wide. */
export const CELL_WIDTH = 24;
export const CELL_HEIGHT = 4;
/** A stroke's edge: this much darker or brighter within two pixels. */
const EDGE = 36;
/** Edges of alternating sign in one row of a cell: two strokes. */
const MIN_EDGES = 3;
/** Cells in a row that make a word. */
const MIN_RUN = 3;

/**
 * How much of a picture looks like print: the share of rows' cells that lie in a horizontal run of strokes with calm
 * rows above or below, from 0 to 1. A few milliseconds for a frame; it decides whether recognition is worth its second.
 * Strokes are dark-bright-dark alternations along a row (after Epshtein et al. 2010, "stroke width transform", without its widths).
 */
export function textLikelihood(picture: GreyPicture): number {
  return likelihoodOf(strokeCells(picture));
}

/** Alternations in each cell of a picture, row by row. */
export interface StrokeCells {
  strokes: Uint8Array;
  columns: number;
  rows: number;
}

export function strokeCells({ grey, width, height }: GreyPicture): StrokeCells {
  const columns = Math.floor(width / CELL_WIDTH);
  const rows = Math.floor(height / CELL_HEIGHT);
  const strokes = new Uint8Array(columns * rows);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      strokes[row * columns + column] = cellStrokes(grey, width, column * CELL_WIDTH, row * CELL_HEIGHT);
  return { strokes, columns, rows };
}

/** As `textLikelihood` tells. */
export function likelihoodOf({ strokes, columns, rows }: StrokeCells): number {
  if (columns < MIN_RUN || rows < 4) return 0;
  let text = 0;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns;) {
      let end = column;
      while (end < columns && (strokes[row * columns + end] as number) >= MIN_EDGES) end++;
      if (end - column >= MIN_RUN && calmNear(strokes, columns, rows, row, column, end)) text += end - column;
      column = Math.max(end, column + 1);
    }
  }
  return text / (columns * rows);
}

/** Mean number of alternations over the rows of a cell, rounded. */
function cellStrokes(grey: Uint8Array, width: number, left: number, top: number): number {
  let total = 0;
  for (let y = top; y < top + CELL_HEIGHT; y++) {
    let sign = 0;
    const row = y * width;
    for (let x = left + 2; x < left + CELL_WIDTH; x++) {
      const step = (grey[row + x] as number) - (grey[row + x - 2] as number);
      if (step > EDGE && sign <= 0) {
        sign = 1;
        total++;
      } else if (step < -EDGE && sign >= 0) {
        sign = -1;
        total++;
      }
    }
  }
  return Math.round(total / CELL_HEIGHT);
}

/** Cells up to which a line of text is high; above or below it there is a gap. */
const REACH = 8;

function calmNear(strokes: Uint8Array, columns: number, rows: number, row: number, from: number, to: number): boolean {
  const calm = (at: number): boolean => {
    if (at < 0 || at >= rows) return true;
    let busy = 0;
    for (let column = from; column < to; column++) if ((strokes[at * columns + column] as number) > 0) busy++;
    return busy <= 0.15 * (to - from);
  };
  let above = false;
  let below = false;
  for (let step = 1; step <= REACH; step++) {
    above ||= calm(row - step);
    below ||= calm(row + step);
  }
  return above && below;
}
