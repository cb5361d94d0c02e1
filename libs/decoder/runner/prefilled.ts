import type { DecoderConfig, TensorData } from '#runtime';
import { Int8PageStore } from '../pool/int8-page-store.js';
import { PAGE_TOKENS, type PageRun } from '../pool/page-pool.js';
import type { PageStore } from '../pool/page-store.js';

/** What a prefill run computed: keys and values of a batch of segments of `rows` (padded) tokens each. */
export class Prefilled {
  constructor(
    readonly out: Readonly<Record<string, { data: TensorData }>>,
    private readonly segments: number,
    private readonly rows: number,
    private readonly config: DecoderConfig,
  ) {}

  /**
   * Stores segment number `index` of the batch.
   * @throws TesseraError `decoder_failed` when a number is not finite
   */
  write(index: number, run: PageRun, store: PageStore): void {
    const { layers, kvHeads, headDim } = this.config;
    const { rows } = this;
    for (let layer = 0; layer < layers; layer++) {
      const part = <T extends Float32Array | Uint8Array | Int8Array>(name: string, perHead: number): T => {
        const size = kvHeads * perHead;
        const at = (layer * this.segments + index) * size;
        return (this.out[name]!.data as T).subarray(at, at + size) as T;
      };
      if (store instanceof Int8PageStore)
        store.writeEncoded(
          run,
          layer,
          {
            keys: part<Uint8Array>('keys', rows * headDim),
            keyScales: part<Float32Array>('key_scales', rows / PAGE_TOKENS),
            values: part<Int8Array>('values', rows * headDim),
            valueScales: part<Float32Array>('value_scales', rows),
          },
          { rows },
        );
      else
        store.writeLayer(run, layer, part<Float32Array>('keys', rows * headDim), part('values', rows * headDim), rows);
    }
  }
}
