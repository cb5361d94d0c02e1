import { TesseraError } from '#contracts';
import type { GgufFile } from '../gguf/file.js';
import type { GgufValue } from '../gguf/header.js';
import { readDivisors, type RotaryShape } from './rotary.js';

/** How one family of decoders differs from the next: data, so that another base is a row of this table. */
export interface Architecture {
  /** How the file orders q and k rows: rotary pairs (2i, 2i+1), as llama.cpp permutes Llama's, or (i, i + D/2). */
  rotaryPairs: 'interleaved' | 'halves';
  activation: 'silu' | 'gelu';
  /** RMSNorm over each head of q and k before rotation (Qwen3). */
  queryKeyNorm: boolean;
  /** Embeddings are multiplied by √hidden (Gemma). */
  scaledEmbeddings: boolean;
}

const LLAMA_LIKE: Architecture = {
  rotaryPairs: 'halves',
  activation: 'silu',
  queryKeyNorm: false,
  scaledEmbeddings: false,
};

/** By `general.architecture` of the GGUF file. Biases are read where the file has them. */
export const ARCHITECTURES: Readonly<Record<string, Architecture>> = {
  llama: { ...LLAMA_LIKE, rotaryPairs: 'interleaved' },
  qwen2: LLAMA_LIKE,
  qwen3: { ...LLAMA_LIKE, queryKeyNorm: true },
  gemma: { ...LLAMA_LIKE, activation: 'gelu', scaledEmbeddings: true },
};

export interface DecoderConfig extends Architecture, RotaryShape {
  architecture: string;
  layers: number;
  hidden: number;
  heads: number;
  kvHeads: number;
  feedForward: number;
  vocabulary: number;
  normEpsilon: number;
  /** Positions that the model was trained on. */
  contextLength: number;
}

/**
 * What a GGUF file says of its decoder.
 * @throws TesseraError `model_invalid` for one that would be computed wrongly, or whose sizes are not there
 */
export async function readDecoderConfig(gguf: GgufFile): Promise<DecoderConfig> {
  const config = readConfig(gguf.metadata, gguf.info('token_embd.weight').dims[0]!);
  return { ...config, divisors: await readDivisors(gguf, config) };
}

/**
 * The sizes of a decoder from its GGUF metadata, without the divisors of its rotary frequencies.
 * @throws TesseraError `model_invalid` that names the architecture or the missing key
 */
export function readConfig(metadata: Record<string, GgufValue>, vocabulary: number): DecoderConfig {
  const architecture = String(metadata['general.architecture']);
  const traits = ARCHITECTURES[architecture];
  if (!traits)
    throw new TesseraError(
      'model_invalid',
      `The decoder architecture "${architecture}" is not supported; supported are ${Object.keys(ARCHITECTURES).join(', ')}.`,
    );
  const number = (key: string, fallback?: number): number => {
    const value = metadata[`${architecture}.${key}`] ?? fallback;
    if (typeof value === 'number') return value;
    throw new TesseraError('model_invalid', `The decoder's GGUF metadata lack ${architecture}.${key}.`);
  };
  const hidden = number('embedding_length');
  const heads = number('attention.head_count');
  return {
    ...traits,
    architecture,
    hidden,
    heads,
    vocabulary,
    layers: number('block_count'),
    kvHeads: number('attention.head_count_kv', heads),
    headDim: number('attention.key_length', hidden / heads),
    feedForward: number('feed_forward_length'),
    normEpsilon: number('attention.layer_norm_rms_epsilon'),
    theta: number('rope.freq_base', 10_000),
    contextLength: number('context_length', 8192),
  };
}
