import { release, type Adapter, type DecoderConfig, type GgufFile } from '#runtime';
import { fitsBlocks, headName, inOrder, partsOf, readTensor } from '../parts.js';
import type { KernelAddon, NativeModel } from './addon.js';

/** Largest rank of an adapter, as in kernel.h. */
const MOST_RANK = 128;
const MOST_LAYERS = 256;
/** Numbers of formats in binding.c. */
const FORMATS: Readonly<Record<string, number>> = { Q4_1: 0, Q8_0: 1 };
const FLOATS = 2;
/** In the order of kernel.h. */
const NORMS = ['attn_norm', 'attn_q_norm', 'attn_k_norm', 'ffn_norm'];

/** Whether the model's sizes fill whole blocks and vectors. */
export function fitsNative(config: DecoderConfig, adapter: Adapter | undefined): boolean {
  return fitsBlocks(config, adapter, MOST_RANK) && config.layers <= MOST_LAYERS;
}

/** Whether the last product multiplies by the table of words, kept as the file has it. */
export function sharesWords(gguf: GgufFile): boolean {
  return headName(gguf) === 'token_embd' && gguf.format('token_embd.weight') === 'Q8_0';
}

/** Copies a model's weights into the kernel: numbers of four and eight bits as the file has them, anything else in eight bits. */
export async function loadWeights(
  addon: KernelAddon,
  model: NativeModel,
  gguf: GgufFile,
  config: DecoderConfig,
  adapter: Adapter | undefined,
  evidenceLayers: readonly number[],
): Promise<void> {
  const vector = async (name: string): Promise<Float32Array | undefined> =>
    gguf.has(name) ? gguf.floats(name) : undefined;
  const part = async (
    name: string,
    layer: number,
    place: number,
    sizes: [rows: number, columns: number],
    rotated: boolean,
  ) => {
    const { format, data: inFile } = await readTensor(gguf, `${name}.weight`, Object.keys(FORMATS));
    const number = format === undefined ? FLOATS : FORMATS[format]!;
    const [rows] = sizes;
    const ordered = <T extends Float32Array | Uint8Array>(x: T, perRow: number): T =>
      inOrder(config, { rotated }, x, perRow);
    const [bias, low] = [await vector(`${name}.bias`), adapter?.matrix(name)];
    addon.setPart(
      ...([model, layer, place, number, ...sizes, ordered(inFile, inFile.length / rows)] as const),
      ...([bias && ordered(bias, 1), low?.a, low && ordered(low.b, 1), adapter?.scale ?? 1] as const),
    );
    // Small buffers of files share their memory with others.
    if (inFile.byteLength === inFile.buffer.byteLength) release([inFile.buffer]);
  };
  const parts = partsOf(config);
  for (let layer = 0; layer < config.layers; layer++) {
    for (const [place, { name, rows, columns, rotated }] of parts.entries())
      await part(`blk.${layer}.${name}`, layer, place, [rows, columns], rotated);
    for (const [which, name] of NORMS.entries()) {
      const weight = await vector(`blk.${layer}.${name}.weight`);
      if (weight) addon.setNorm(model, layer, which, weight);
    }
    addon.setEvidence(model, layer, evidenceLayers.indexOf(layer));
  }
  await part(headName(gguf), -1, 0, [config.vocabulary, config.hidden], false);
  addon.setNorm(model, -1, 0, await gguf.floats('output_norm.weight'));
}
