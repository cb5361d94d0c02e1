import type { GgufFile } from '../gguf/file.js';
import type { BlockFormat } from '../gguf/blocks.js';
import type { DecoderConfig } from './architecture.js';

/** Token embeddings as the model file holds them, decoded a row at a time: a quarter of their memory as floats. */
export class EmbeddingTable {
  private readonly view: DataView;

  private constructor(
    bytes: Uint8Array,
    private readonly format: BlockFormat,
    readonly hidden: number,
    readonly vocabulary: number,
    private readonly scale: number,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  static async read(gguf: GgufFile, config: DecoderConfig): Promise<EmbeddingTable> {
    const { bytes, format } = await gguf.blocks('token_embd.weight');
    const scale = config.scaledEmbeddings ? Math.sqrt(config.hidden) : 1;
    return new EmbeddingTable(bytes, format, config.hidden, config.vocabulary, scale);
  }

  /** Writes the embedding of token `id` to `out` from element `at` on. */
  row(id: number, out: Float32Array, at: number): void {
    const { values, bytes } = this.format;
    const blocks = this.hidden / values;
    for (let b = 0; b < blocks; b++) this.format.decode(this.view, (id * blocks + b) * bytes, out, at + b * values);
    if (this.scale !== 1) for (let i = at; i < at + this.hidden; i++) out[i]! *= this.scale;
  }
}
