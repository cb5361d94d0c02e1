import type { DecoderConfig, Tensor } from '#runtime';
import { Int8PageStore } from '../pool/int8-page-store.js';
import { PAGE_TOKENS, type PageRun } from '../pool/page-pool.js';
import type { PageStore } from '../pool/page-store.js';

/** What a prefill run computed: keys and values of a batch of segments of `rows` (padded) tokens each. */
export class Prefilled {
  constructor(
    private readonly out: Record<string, Tensor>,
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
        return (this.out[`${name}.${layer}`]!.data as T).subarray(index * size, (index + 1) * size) as T;
      };
      if (store instanceof Int8PageStore)
        store.writeEncoded(
          run,
          layer,
          {
            keys: part<Uint8Array>('key', rows * headDim),
            keyScales: part<Float32Array>('key_scale', rows / PAGE_TOKENS),
            values: part<Int8Array>('value', rows * headDim),
            valueScales: part<Float32Array>('value_scale', rows),
          },
          { rows },
        );
      else store.writeLayer(run, layer, part<Float32Array>('key', rows * headDim), part('value', rows * headDim), rows);
    }
  }
}
