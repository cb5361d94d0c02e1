import { TesseraError } from '#contracts';
import type { GgufFile } from '../gguf/file.js';
import type { GgufValue } from '../gguf/header.js';

/** How far each rotary pair turns from one position to the next. */
export interface RotaryShape {
  headDim: number;
  /** Base of the frequencies. */
  theta: number;
  /** What frequencies are divided by for longer contexts, [headDim / 2]; 1 each where it is not there. */
  divisors?: Float32Array;
}

/** Radians that each pair turns by from one position to the next, [headDim / 2]. */
export function rotaryFrequencies({ headDim, theta, divisors }: RotaryShape): Float64Array {
  return Float64Array.from({ length: headDim / 2 }, (_, i) => theta ** ((-2 * i) / headDim) / (divisors?.[i] ?? 1));
}

/** By what one number positions are divided (position interpolation, arXiv:2306.15595), by `rope.scaling.type`, which is linear where a file gives a factor alone. */
const SCALINGS: Readonly<Record<string, (factor: number) => number>> = {
  none: () => 1,
  // 0 is no scaling, as in llama.cpp.
  linear: (factor) => factor || 1,
};

/**
 * The divisors of a GGUF file: those of `rope_freqs.weight` (Llama 3.1), times the factor of linear scaling.
 * @throws TesseraError `model_invalid` for other scalings, such as YaRN
 */
export async function readDivisors(
  source: Pick<GgufFile, 'has' | 'floats' | 'metadata'>,
  { architecture, headDim }: { architecture: string; headDim: number },
): Promise<Float32Array | undefined> {
  const get = (key: string): GgufValue | undefined => source.metadata[`${architecture}.rope.${key}`];
  const type = String(get('scaling.type') ?? 'linear');
  const scaling = SCALINGS[type];
  if (!scaling)
    throw new TesseraError(
      'model_invalid',
      `The decoder's GGUF metadata say ${architecture}.rope.scaling.type "${type}"; supported are ${Object.keys(SCALINGS).join(', ')}.`,
    );
  const factor = scaling(Number(get('scaling.factor') ?? get('scale_linear') ?? 0));
  const ofPairs = source.has('rope_freqs.weight') ? await source.floats('rope_freqs.weight') : undefined;
  if (ofPairs && ofPairs.length !== headDim / 2)
    throw new TesseraError(
      'model_invalid',
      `The decoder's tensor rope_freqs.weight has ${ofPairs.length} values; ${headDim / 2} were expected.`,
    );
  if (!ofPairs && factor === 1) return undefined;
  return Float32Array.from({ length: headDim / 2 }, (_, i) => factor * (ofPairs?.[i] ?? 1));
}
