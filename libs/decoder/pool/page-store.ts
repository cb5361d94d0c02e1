import { TesseraError } from '#contracts';
import { type KvShape } from './kv-shape.js';
import { PAGE_TOKENS, type PageRun } from './page-pool.js';
import { type RotaryTable } from './rotary.js';

/** Which part of the working set to decode, and where to. */
export interface GatherRequest {
  layer: number;
  head: number;
  /** In the order in which they shall stand. */
  pages: ArrayLike<number>;
  /** Receives keys [rows, headDim] from element `keysAt`. */
  keys: Float32Array;
  keysAt: number;
  /** Receives values [rows, headDim] from element `valuesAt`. */
  values: Float32Array;
  valuesAt: number;
  /** Rotates the keys; row `r` of this call gets the phase of position `position + r`. */
  rotary?: RotaryTable;
  position?: number;
}

type PlaneArray = Uint8Array | Int8Array | Float32Array;

/**
 * The memory behind the pages, owned by JavaScript. Keys are stored without rotary phase. Within a layer and KV head,
 * pages lie side by side in order of their number ("planes"), so that all keys of a layer can be scored in place:
 *
 *   for each layer: keys [kvHeads, totalPages, PAGE_TOKENS, headDim], values likewise, and scales
 *
 * Planes are allocated at full size at once; the system gives them memory as pages are written.
 *
 * @example
 * const pool = new PagePool(store.totalPages);
 * store.writeLayer(run, layer, keys, values);                         // after prefill: [kvHeads, run.tokens, headDim]
 * const rows = store.gather({ layer, head, pages, keys, keysAt: 0, values, valuesAt: 0, rotary, position: 12 });
 */
export abstract class PageStore {
  /** Part of a spill file's header: files of another precision are not read. */
  abstract readonly precision: string;
  readonly totalPages: number;
  /** Tokens in each page: PAGE_TOKENS but for the last page of a run. */
  readonly #filled: Uint8Array;
  #highestPage = -1;

  protected constructor(
    readonly shape: KvShape,
    /** Bytes of one page over all layers and heads. */
    readonly pageBytes: number,
    maxBytes: number,
  ) {
    this.totalPages = Math.floor(maxBytes / pageBytes);
    if (this.totalPages < 1)
      throw new TesseraError(
        'configuration',
        `TESSERA_KV_MEMORY is ${maxBytes} bytes; one page of this model needs ${pageBytes}.`,
      );
    this.#filled = new Uint8Array(this.totalPages);
  }

  /** Bytes that have been written to so far, and therefore may be resident. */
  get allocatedBytes(): number {
    return (this.#highestPage + 1) * this.pageBytes;
  }

  /** Tokens that a page holds. */
  tokensIn(page: number): number {
    return this.#filled[page]!;
  }

  /**
   * Stores one layer of a run.
   * @param keys [kvHeads, rows, headDim] without rotary phase, `rows` ≥ run.tokens (default: exactly)
   * @param values likewise
   * @throws TesseraError `decoder_failed` when a number is not finite
   */
  writeLayer(run: PageRun, layer: number, keys: Float32Array, values: Float32Array, rows = run.tokens): void {
    const { kvHeads, headDim } = this.shape;
    let finite = true;
    this.eachPage(run, (page, index, tokens) => {
      for (let head = 0; head < kvHeads; head++) {
        const from = (head * rows + index * PAGE_TOKENS) * headDim;
        finite = this.encode(layer, this.block(head, page), keys, values, from, tokens) && finite;
      }
    });
    if (!finite) throw notFinite(layer);
  }

  /**
   * Decodes chosen pages of one layer and KV head to contiguous rows; rows that a partly filled page lacks are left
   * out, so that rows (and positions) stay contiguous.
   * @returns the number of rows written
   */
  gather({ layer, head, pages, keys, keysAt, values, valuesAt, rotary, position = 0 }: GatherRequest): number {
    const D = this.shape.headDim;
    let row = 0;
    for (let i = 0; i < pages.length; i++) {
      const page = pages[i]!;
      const tokens = this.#filled[page]!;
      const block = this.block(head, page);
      if (rotary === undefined) this.decodeKeys(layer, block, tokens, keys, keysAt + row * D);
      else this.decodeRotatedKeys(layer, block, tokens, keys, keysAt + row * D, rotary, position + row);
      this.decodeValues(layer, block, tokens, values, valuesAt + row * D);
      row += tokens;
    }
    return row;
  }

  /** Copies everything of a run to `bytes`, pageBytes for each of its pages, for spilling. */
  copyOut(run: PageRun, bytes: Uint8Array): void {
    this.#eachPart(run, (part, at) => bytes.set(part, at));
  }

  /** Takes a run over from what `copyOut` gave. */
  copyIn(run: PageRun, bytes: Uint8Array): void {
    this.eachPage(run, () => undefined);
    this.#eachPart(run, (part, at) => part.set(bytes.subarray(at, at + part.length)));
  }

  /** All planes of a layer, and how many elements of each belong to one block. */
  protected abstract parts(layer: number): readonly (readonly [plane: PlaneArray, blockElements: number])[];

  /** The run's memory in the order of a spill file: by layer, KV head and plane, all pages of the run. */
  #eachPart(run: PageRun, visit: (part: Uint8Array, at: number) => void): void {
    // Pages of a run mostly have consecutive numbers, and then are one piece of memory.
    const spans: [first: number, pages: number][] = [];
    for (const page of run.pages) {
      const last = spans.at(-1);
      if (last !== undefined && last[0] + last[1] === page) last[1]++;
      else spans.push([page, 1]);
    }
    let at = 0;
    for (let layer = 0; layer < this.shape.layers; layer++)
      for (let head = 0; head < this.shape.kvHeads; head++)
        for (const [plane, elements] of this.parts(layer))
          for (const [first, pages] of spans) {
            const block = elements * plane.BYTES_PER_ELEMENT;
            visit(new Uint8Array(plane.buffer, plane.byteOffset + this.block(head, first) * block, pages * block), at);
            at += pages * block;
          }
  }

  /** Number of the block that one KV head of a page has in each plane of a layer. */
  protected block(head: number, page: number): number {
    return head * this.totalPages + page;
  }

  /** Visits the pages of a run that is being written. */
  protected eachPage(run: PageRun, visit: (page: number, index: number, tokens: number) => void): void {
    run.pages.forEach((page, index) => {
      if (page >= this.totalPages) throw new Error(`page ${page} is beyond the store's ${this.totalPages} pages`);
      const tokens = Math.min(PAGE_TOKENS, run.tokens - index * PAGE_TOKENS);
      this.#filled[page] = tokens;
      if (page > this.#highestPage) this.#highestPage = page;
      visit(page, index, tokens);
    });
  }

  /**
   * Encodes `tokens` rows from element `from`; the block's other rows become zero.
   * @returns false when a number is NaN or infinite; the block is then not to be used
   */
  protected abstract encode(
    layer: number,
    block: number,
    keys: Float32Array,
    values: Float32Array,
    from: number,
    tokens: number,
  ): boolean;

  protected abstract decodeKeys(layer: number, block: number, tokens: number, out: Float32Array, to: number): void;

  protected abstract decodeRotatedKeys(
    layer: number,
    block: number,
    tokens: number,
    out: Float32Array,
    to: number,
    rotary: RotaryTable,
    position: number,
  ): void;

  protected abstract decodeValues(layer: number, block: number, tokens: number, out: Float32Array, to: number): void;
}

export function notFinite(layer: number): TesseraError {
  return new TesseraError('decoder_failed', `Prefill computed keys or values that are no numbers in layer ${layer}.`);
}
