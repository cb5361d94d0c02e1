import { toHalves, type Adapter, type DecoderConfig, type GgufFile } from '#runtime';

/** Numbers of a block of weights. */
export const BLOCK = 32;

/** A matrix of a layer: its name in the file, and whether its rows are rotated. */
export interface LayerPart {
  name: string;
  rows: number;
  columns: number;
  rotated: boolean;
}

/** The matrices of a layer, in the order in which kernels number them. */
export function partsOf({ hidden, heads, kvHeads, headDim, feedForward }: DecoderConfig): LayerPart[] {
  const part = (name: string, rows: number, columns: number, rotated = false): LayerPart => ({
    ...{ name, rows, columns, rotated },
  });
  return [
    part('attn_q', heads * headDim, hidden, true),
    part('attn_k', kvHeads * headDim, hidden, true),
    part('attn_v', kvHeads * headDim, hidden),
    part('attn_output', hidden, heads * headDim),
    part('ffn_gate', feedForward, hidden),
    part('ffn_up', feedForward, hidden),
    part('ffn_down', hidden, feedForward),
  ];
}

/** Name of the matrix that gives logits: often the table of words. */
export function headName(gguf: GgufFile): 'output' | 'token_embd' {
  return gguf.has('output.weight') ? 'output' : 'token_embd';
}

/** A tensor as the file has it where its format is one of `kept`, otherwise as floats; read once. */
export async function readTensor(
  gguf: GgufFile,
  name: string,
  kept: readonly string[],
): Promise<{ format: string | undefined; data: Uint8Array | Float32Array }> {
  const format = gguf.format(name);
  if (kept.includes(format)) return { format, data: (await gguf.blocks(name)).bytes };
  return { format: undefined, data: await gguf.floats(name) };
}

/** Rows of a matrix in the order in which kernels rotate them: pairs half a head apart. */
export function inOrder<T extends Float32Array | Uint8Array>(
  { rotaryPairs, headDim }: DecoderConfig,
  { rotated }: Pick<LayerPart, 'rotated'>,
  rows: T,
  perRow: number,
): T {
  return rotated && rotaryPairs === 'interleaved' ? toHalves(rows, perRow, headDim) : rows;
}

/** Whether sizes fill whole blocks, and no adapter is of a higher rank. */
export function fitsBlocks(config: DecoderConfig, adapter: Adapter | undefined, mostRank: number): boolean {
  const { hidden, feedForward, heads, headDim, layers } = config;
  const ranks = partsOf(config).flatMap(({ name }) =>
    Array.from({ length: layers }, (_, layer) => adapter?.matrix(`blk.${layer}.${name}`)?.rank ?? 0),
  );
  return (
    ranks.every((rank) => rank <= mostRank) &&
    [hidden, feedForward, heads * headDim].every((columns) => columns % BLOCK === 0) &&
    headDim % 16 === 0
  );
}
