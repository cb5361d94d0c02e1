import type { DecoderConfig } from './architecture.js';
import { balance, balanceLayer, type Calibration } from './balance.js';
import type { PackedDecoder, PackedLayer } from './layer.js';
import { packMatrix, type Precision } from './linear.js';
import { rotaryFrequencies, type RotaryShape } from './rotary.js';
import { readLayer, type Adapter, type LayerWeights, type TensorSource } from './weights.js';

/** Positions in the rotary tables: working sets are re-indexed to contiguous positions below this. */
const POSITIONS = 16_384;

/** Reads, merges, fuses, balances (where a calibration is given) and quantises all weights of a decoder. */
export async function packDecoder(
  source: TensorSource,
  config: DecoderConfig,
  precision: Precision,
  adapter?: Adapter,
  calibration?: Calibration,
): Promise<PackedDecoder> {
  const layers: PackedLayer[] = [];
  const [queries, keys] = [config.heads * config.headDim, config.kvHeads * config.headDim];
  for (let i = 0; i < config.layers; i++) {
    const weights = await readLayer(source, config, i, adapter);
    if (calibration) balanceLayer(weights, calibration.layers[i]!);
    scaleQueries(weights, queries, 1 / Math.sqrt(config.headDim));
    layers.push({
      ...weights,
      qkv: packMatrix(`layer${i}.qkv`, weights.qkv, precision, { parts: [queries, keys, keys] }),
      output: packMatrix(`layer${i}.output`, weights.output, precision, { activationBits: 8 }),
      gateUp: packMatrix(`layer${i}.gate_up`, weights.gateUp, precision, {
        parts: [config.feedForward, config.feedForward],
        // Without a calibration, some channels are too far from the others for 8 bits.
        activationBits: calibration ? 8 : 16,
      }),
      down: packMatrix(`layer${i}.down`, weights.down, precision),
    });
  }
  const head = await source.floats(source.has('output.weight') ? 'output.weight' : 'token_embd.weight');
  const outputNorm = await source.floats('output_norm.weight');
  if (calibration) balance(head, calibration.head, (j, factor) => (outputNorm[j]! /= factor));
  const { cos, sin } = rotaryTables(config);
  return {
    config,
    precision,
    layers,
    cos,
    sin,
    outputNorm,
    head: packMatrix('head', { data: head, out: config.vocabulary, in: config.hidden }, precision),
  };
}

/**
 * Scores need no scale of their own then: onnxruntime reads one row's keys straight from memory only where a product has no factor
 * (docs/decisions/0015). Where heads are normed, their norm scales them anew, and takes the factor.
 */
function scaleQueries({ qkv, queryNorm }: LayerWeights, queries: number, scale: number): void {
  const scaled = queryNorm
    ? [queryNorm]
    : [qkv.data.subarray(0, queries * qkv.in), qkv.bias?.subarray(0, queries) ?? []];
  for (const values of scaled) for (let i = 0; i < values.length; i++) values[i]! *= scale;
}

/** Cosines and sines of rotary position embedding (RoFormer, arXiv:2104.09864), [positions, headDim / 2]. */
function rotaryTables(shape: RotaryShape): { cos: Float32Array; sin: Float32Array } {
  const half = shape.headDim / 2;
  const cos = new Float32Array(POSITIONS * half);
  const sin = new Float32Array(POSITIONS * half);
  rotaryFrequencies(shape).forEach((frequency, i) => {
    for (let p = 0; p < POSITIONS; p++) {
      cos[p * half + i] = Math.cos(p * frequency);
      sin[p * half + i] = Math.sin(p * frequency);
    }
  });
  return { cos, sin };
}
