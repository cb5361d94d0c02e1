import type { GgufFile } from '../gguf/file.js';
import type { DecoderConfig } from './architecture.js';

/** Writes the row of token `id` as the model file has it, [hidden], to `out` from element `at` on. */
export type ReadRow = (id: number, out: Float32Array, at: number) => void;

/** Token embeddings, decoded a row at a time: a quarter of their memory as floats. */
export class EmbeddingTable {
  readonly hidden: number;
  private readonly scale: number;

  /** @param read for those who hold the table anyway; {@link EmbeddingTable.read} holds the file's bytes */
  constructor(
    config: DecoderConfig,
    private readonly read: ReadRow,
  ) {
    this.hidden = config.hidden;
    this.scale = config.scaledEmbeddings ? Math.sqrt(config.hidden) : 1;
  }

  static async read(gguf: GgufFile, config: DecoderConfig): Promise<EmbeddingTable> {
    const { bytes, format } = await gguf.blocks('token_embd.weight');
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const blocks = config.hidden / format.values;
    return new EmbeddingTable(config, (id, out, at) => {
      for (let b = 0; b < blocks; b++)
        format.decode(view, (id * blocks + b) * format.bytes, out, at + b * format.values);
    });
  }

  /** Writes the embedding of token `id` to `out` from element `at` on. */
  row(id: number, out: Float32Array, at: number): void {
    this.read(id, out, at);
    if (this.scale !== 1) for (let i = at; i < at + this.hidden; i++) out[i]! *= this.scale;
  }
}
