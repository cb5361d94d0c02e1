import { greyOfRgb } from './grey.js';
import { CELL_HEIGHT, CELL_WIDTH, likelihoodOf, strokeCells } from './text-likelihood.js';

/** Mean difference of a cell's grey (of 255) above which it shows something else; what coding does to a still picture is below. */
const CHANGED = 8;
/** The same for a cell without anything like print, which is only new where it changes clearly: the rim of what moves hovers about CHANGED. */
const CHANGED_CLEARLY = 16;
/** Alternations in a cell from which it may be print. */
const STROKES = 2;
/** A cell's unrest grows by this with each look at which it differs, and shrinks by 1 with each at which it does not. */
const STIR = 4;
/** From here on a cell shows something that moves: it differed at the last look, or at several before. */
const RESTLESS = 4;
const MOST_UNREST = 12;

export interface PrintLook {
  /** How much the frame looks like print, as textLikelihood tells. */
  likelihood: number;
  /** Whether it may show other print than the last frame of which this was true. */
  isNew: boolean;
}

interface Reference {
  grey: Uint8Array;
  strokes: Uint8Array;
}

/**
 * Watches the frames of a film for new print, so that a slide is read once however long somebody moves beside it. A frame shows nothing
 * new when it differs only a little or in cells that differ again and again, and in none of these is anything like print.
 */
export class PrintWatch {
  private reference: Reference | undefined;
  private unrest = new Uint8Array(0);

  /** @param rgb packed [height, width, 3], of one size for all frames */
  look(rgb: Uint8Array, width: number, height: number): PrintLook {
    const grey = greyOfRgb(rgb);
    const cells = strokeCells({ grey, width, height });
    const { strokes, columns } = cells;
    const likelihood = likelihoodOf(cells);
    const now = { grey, strokes };
    const before = this.reference;
    if (before?.grey.length !== grey.length) {
      this.reference = now;
      this.unrest = new Uint8Array(strokes.length);
      return { likelihood, isNew: true };
    }
    let isNew = false;
    for (let cell = 0; cell < strokes.length; cell++) {
      const at = Math.floor(cell / columns) * CELL_HEIGHT * width + (cell % columns) * CELL_WIDTH;
      const changed = difference(grey, before.grey, at, width);
      if (changed <= CHANGED) {
        if (this.unrest[cell]! > 0) this.unrest[cell]!--;
        continue;
      }
      const printed = Math.max(strokes[cell]!, before.strokes[cell]!) >= STROKES;
      isNew ||= printed || (changed > CHANGED_CLEARLY && this.unrest[cell]! < RESTLESS);
      this.unrest[cell] = Math.min(MOST_UNREST, this.unrest[cell]! + STIR);
    }
    if (isNew) this.reference = now;
    return { likelihood, isNew };
  }
}

/** Mean difference of one cell, whose first pixel is `from`. */
function difference(a: Uint8Array, b: Uint8Array, from: number, width: number): number {
  let sum = 0;
  for (let y = 0, row = from; y < CELL_HEIGHT; y++, row += width)
    for (let at = row; at < row + CELL_WIDTH; at++) sum += Math.abs(a[at]! - b[at]!);
  return sum / (CELL_WIDTH * CELL_HEIGHT);
}
