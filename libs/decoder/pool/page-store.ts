import { TesseraError } from '#contracts';
import { int8Codec } from './int8-codec.js';
import { type BlockAccess, type BlockCodec, type KvShape, type RotaryTable } from './kv-shape.js';
import { PAGE_TOKENS, type PageRun } from './page-pool.js';

export interface PageStoreOptions {
  shape: KvShape;
  /** Bound on memory; the store holds `totalPages` pages within it. */
  maxBytes: number;
  /** Default `int8Codec`. */
  codec?: BlockCodec;
  /** SharedArrayBuffer slabs, readable from other threads. */
  shared?: boolean;
  /** Pages per slab: the step by which memory grows. */
  slabPages?: number;
}

/** Which part of the working set to decode, and where to. */
export interface GatherRequest {
  layer: number;
  head: number;
  /** In the order in which they shall stand. */
  pages: ArrayLike<number>;
  /** Receives keys, from element `keysAt`: [rows, headDim], or [headDim, keyColumns] when `keyColumns` is given. */
  keys: Float32Array;
  keysAt: number;
  keyColumns?: number;
  /** Receives values [rows, headDim] from element `valuesAt`. */
  values: Float32Array;
  valuesAt: number;
  /** Rotates the keys; row `r` of this call gets the phase of position `position + r`. */
  rotary?: RotaryTable;
  position?: number;
}

interface Slab {
  bytes: Uint8Array;
  blocks: BlockAccess;
}

/**
 * The memory behind the pages: slabs that JavaScript owns, grown on demand and never beyond `maxBytes`.
 *
 *   slab = page · page · …            page = block(layer 0, head 0) · block(0, 1) · … · block(layers-1, heads-1)
 *
 * A block is what one (layer, KV head) of a page holds, in the codec's layout, so that selection per head reads
 * contiguous memory. Keys are stored without rotary phase.
 *
 * @example
 * const store = new PageStore({ shape: { layers: 30, kvHeads: 3, headDim: 64 }, maxBytes: 4 << 30 });
 * const pool = new PagePool(store.totalPages);
 * store.writeLayer(run, layer, keys, values);                         // after prefill: [kvHeads, run.tokens, headDim]
 * const rows = store.gather({ layer, head, pages, keys, keysAt: 0, values, valuesAt: 0, rotary, position: 12 });
 */
export class PageStore {
  readonly shape: KvShape;
  readonly codec: BlockCodec;
  readonly pageBytes: number;
  readonly totalPages: number;
  readonly #blockBytes: number;
  readonly #slabPages: number;
  readonly #shared: boolean;
  readonly #slabs: Slab[] = [];
  /** Tokens in each page: PAGE_TOKENS but for the last page of a run. */
  readonly #filled: Uint8Array;
  readonly #row: Float32Array;

  constructor(options: PageStoreOptions) {
    const { layers, kvHeads, headDim } = (this.shape = options.shape);
    this.codec = options.codec ?? int8Codec;
    this.#blockBytes = this.codec.blockBytes(headDim);
    this.pageBytes = layers * kvHeads * this.#blockBytes;
    this.totalPages = Math.floor(options.maxBytes / this.pageBytes);
    this.#slabPages = Math.max(1, Math.min(options.slabPages ?? 256, this.totalPages));
    this.#shared = options.shared ?? false;
    this.#filled = new Uint8Array(this.totalPages);
    this.#row = new Float32Array(PAGE_TOKENS * headDim);
    if (this.totalPages < 1)
      throw new TesseraError(
        'configuration',
        `TESSERA_KV_MEMORY is ${options.maxBytes} bytes; one page of this model needs ${this.pageBytes}.`,
      );
  }

  /** Bytes of the slabs allocated so far. */
  get allocatedBytes(): number {
    return this.#slabs.reduce((sum, slab) => sum + (slab?.bytes.byteLength ?? 0), 0);
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
    run.pages.forEach((page, index) => {
      const tokens = Math.min(PAGE_TOKENS, run.tokens - index * PAGE_TOKENS);
      this.#filled[page] = tokens;
      const { blocks } = this.#slab(page);
      for (let head = 0; head < kvHeads; head++) {
        const from = (head * rows + index * PAGE_TOKENS) * headDim;
        finite = blocks.encode(this.#blockAt(page, layer, head), keys, values, from, tokens) && finite;
      }
    });
    if (!finite)
      throw new TesseraError(
        'decoder_failed',
        `Prefill computed keys or values that are no numbers in layer ${layer}.`,
      );
  }

  /** Tokens that a page holds. */
  tokensIn(page: number): number {
    return this.#filled[page]!;
  }

  /**
   * Decodes chosen pages of one layer and KV head to contiguous rows; rows that a partly filled page lacks are left
   * out, so that rows (and positions) stay contiguous.
   * @returns the number of rows written
   */
  gather(request: GatherRequest): number {
    const { layer, head, pages, keys, keysAt, values, valuesAt, rotary, keyColumns } = request;
    const D = this.shape.headDim;
    const first = request.position ?? 0;
    let row = 0;
    for (let i = 0; i < pages.length; i++) {
      const page = pages[i]!;
      const tokens = this.#filled[page]!;
      const { blocks } = this.#slab(page);
      const at = this.#blockAt(page, layer, head);
      const out = keyColumns === undefined ? keys : this.#row;
      const to = keyColumns === undefined ? keysAt + row * D : 0;
      if (rotary === undefined) blocks.decodeKeys(at, tokens, out, to);
      else blocks.decodeKeysRotated(at, tokens, out, to, rotary, first + row);
      if (keyColumns !== undefined) transpose(this.#row, tokens, D, keys, keysAt + row, keyColumns);
      blocks.decodeValues(at, tokens, values, valuesAt + row * D);
      row += tokens;
    }
    return row;
  }

  /** Decodes the unrotated keys of one page in one layer and head, [tokens, headDim], as scoring needs them. */
  readKeys(page: number, layer: number, head: number, out: Float32Array, to = 0): number {
    const tokens = this.#filled[page]!;
    this.#slab(page).blocks.decodeKeys(this.#blockAt(page, layer, head), tokens, out, to);
    return tokens;
  }

  /** The page's memory, for spilling. A view: valid until the page is written again. */
  bytesOf(page: number): Uint8Array {
    const start = (page % this.#slabPages) * this.pageBytes;
    return this.#slab(page).bytes.subarray(start, start + this.pageBytes);
  }

  /** Declares a run filled after its bytes were written through `bytesOf`. */
  restored(run: PageRun): void {
    run.pages.forEach((page, index) => {
      this.#filled[page] = Math.min(PAGE_TOKENS, run.tokens - index * PAGE_TOKENS);
    });
  }

  #blockAt(page: number, layer: number, head: number): number {
    return (page % this.#slabPages) * this.pageBytes + (layer * this.shape.kvHeads + head) * this.#blockBytes;
  }

  #slab(page: number): Slab {
    const index = Math.floor(page / this.#slabPages);
    return this.#slabs[index] ?? this.#grow(index);
  }

  #grow(index: number): Slab {
    const pages = Math.min(this.#slabPages, this.totalPages - index * this.#slabPages);
    if (!(pages > 0)) throw new Error(`page ${index * this.#slabPages} is beyond the store's ${this.totalPages} pages`);
    const bytes = pages * this.pageBytes;
    const buffer = this.#shared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes);
    return (this.#slabs[index] = {
      bytes: new Uint8Array(buffer),
      blocks: this.codec.over(buffer, this.shape.headDim),
    });
  }
}

/** [rows, D] → columns `at`… of [D, columns]. */
function transpose(from: Float32Array, rows: number, D: number, to: Float32Array, at: number, columns: number): void {
  for (let d = 0; d < D; d++) for (let t = 0, i = d, o = at + d * columns; t < rows; t++, i += D, o++) to[o] = from[i]!;
}
