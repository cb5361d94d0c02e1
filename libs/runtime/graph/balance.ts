import { readSafetensors } from '../safetensors/file.js';
import type { LayerWeights } from './weights.js';

/** Root mean square of every channel that enters a matrix, measured on text by training/ (calibrate). */
export interface Calibration {
  layers: readonly { qkv: Float32Array; gateUp: Float32Array; down: Float32Array }[];
  head: Float32Array;
}

/**
 * Share of the difference between channels that weights take over from activations; the rest stays in the activations.
 * Measured: docs/decisions/0013-integer-products.md.
 */
const ALPHA = 0.4;

/** @throws TesseraError when a tensor is missing */
export async function readCalibration(file: string, layers: number): Promise<Calibration> {
  const tensors = await readSafetensors(file);
  try {
    const all: Calibration['layers'][number][] = [];
    for (let i = 0; i < layers; i++)
      all.push({
        qkv: await tensors.floats(`blk.${i}.qkv`),
        gateUp: await tensors.floats(`blk.${i}.gate_up`),
        down: await tensors.floats(`blk.${i}.down`),
      });
    return { layers: all, head: await tensors.floats('head') };
  } finally {
    await tensors.close();
  }
}

/**
 * Makes a layer easier to quantise without changing what it computes: channels with large activations are divided by
 * a factor in the norm (or the up projection) before a matrix, and their weights multiplied by it (SmoothQuant,
 * arXiv:2211.10438). Costs nothing at run time. In place.
 */
export function balanceLayer(layer: LayerWeights, activations: Calibration['layers'][number]): void {
  balance(layer.qkv.data, activations.qkv, (j, factor) => (layer.attentionNorm[j]! /= factor));
  balance(layer.gateUp.data, activations.gateUp, (j, factor) => (layer.feedForwardNorm[j]! /= factor));
  const { data, in: columns, out } = layer.gateUp;
  balance(layer.down.data, activations.down, (j, factor) => {
    const row = (out / 2 + j) * columns; // The rows of the up projection follow those of the gate.
    for (let i = row; i < row + columns; i++) data[i]! /= factor;
  });
}

/** Multiplies the columns of `weights` [out, in] by factors whose geometric mean is one, and tells them. */
export function balance(
  weights: Float32Array,
  activations: Float32Array,
  divide: (channel: number, factor: number) => void,
): void {
  const columns = activations.length;
  const squares = new Float64Array(columns);
  for (let at = 0; at < weights.length; at += columns)
    for (let j = 0; j < columns; j++) squares[j]! += weights[at + j]! ** 2;
  const rows = weights.length / columns;
  const logs = Float64Array.from(
    squares,
    (sum, j) => ALPHA * Math.log(activations[j]! || 1e-6) - (1 - ALPHA) * 0.5 * Math.log(sum / rows || 1e-12),
  );
  const mean = logs.reduce((sum, log) => sum + log, 0) / columns;
  const factors = Float32Array.from(logs, (log) => Math.exp(log - mean));
  for (let at = 0; at < weights.length; at += columns)
    for (let j = 0; j < columns; j++) weights[at + j]! *= factors[j]!;
  factors.forEach((factor, j) => divide(j, factor));
}
