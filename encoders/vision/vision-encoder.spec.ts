import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { InstalledPack, PackManifest } from '#contracts';
import { Graph, writeModel } from '#runtime';
import { createVisionEncoder, type VisionEncoder } from './vision-encoder.js';

const SIZE = 256;
const here = (name: string) => new URL(name, import.meta.url).pathname;
const folder = mkdtempSync(path.join(tmpdir(), 'tessera-vision-'));
const pack: InstalledPack = {
  id: 'spec',
  manifest: { name: 'spec', vision: { encoder: 'e.onnx', connector: 'c', size: SIZE, tokens: 16 } } as PackManifest,
  path: () => here('./weights/efficientnet-lite2.onnx'),
};
let encoder: VisionEncoder;

beforeAll(async () => {
  // Stands in for the trained connector: 16 tokens of the 4 positions each, summed over channels.
  const graph = new Graph('connector');
  const map = graph.input('feature_map', 'float32', ['n', 1280, 8, 8]);
  const tokens = graph.op('Reshape', [map, graph.constant('int64', [0, 16, -1])]);
  graph.output(tokens, 'float32', ['n', 16, 5120], 'visual_tokens');
  await writeModel(path.join(folder, 'connector.onnx'), graph);
  encoder = await createVisionEncoder({ pack, connectorFile: path.join(folder, 'connector.onnx'), threads: 2 });
});

afterAll(async () => {
  await encoder.dispose();
  rmSync(folder, { recursive: true });
});

/** The picture that golden.json describes. */
function golden(): Uint8Array {
  const rgb = new Uint8Array(SIZE * SIZE * 3);
  for (let y = 0; y < SIZE; y++)
    for (let x = 0; x < SIZE; x++)
      for (let c = 0; c < 3; c++)
        rgb[(y * SIZE + x) * 3 + c] = (x * (c + 1) + y * (3 - c) + ((x * y) >> 5) * (c + 2)) & 255;
  return rgb;
}

describe('VisionEncoder', () => {
  it('gives the feature map that the reference gives', async () => {
    const { indices, values, tolerance, sum } = JSON.parse(await readFile(here('./golden.json'), 'utf8'));
    const map = (await encoder.look([golden()])).feature_map!.data as Float32Array;
    expect(map.length).toBe(1280 * 8 * 8);
    indices.forEach((at: number, i: number) => expect(Math.abs(map[at]! - values[i])).toBeLessThan(tolerance));
    expect(map.reduce((a, b) => a + b, 0) / sum).toBeCloseTo(1, 3);
  });

  it('sees the classes that the reference sees', async () => {
    const known: { index: number; probability: number }[] = JSON.parse(
      await readFile(here('./golden.json'), 'utf8'),
    ).classes;
    const { classes } = await encoder.look([golden(), golden()]);
    expect(classes!.dims).toEqual([2, 1000]);
    const seen = classes!.data as Float32Array;
    expect(known.length).toBeGreaterThan(0);
    for (const { index, probability } of known) expect(seen[1000 + index]).toBeCloseTo(probability, 2);
    expect(seen.reduce((a, b) => a + b, 0)).toBeCloseTo(2, 3);
  });

  it('gives each picture of a batch what it gets alone', async () => {
    const images = [golden(), new Uint8Array(SIZE * SIZE * 3).fill(200), golden(), golden(), golden().reverse()];
    const all = await encoder.encode(images);
    const one = all.length / images.length;
    for (const [i, image] of images.entries()) {
      const alone = await encoder.encode([image]);
      const worst = alone.reduce((most, value, k) => Math.max(most, Math.abs(value - all[i * one + k]!)), 0);
      expect(worst).toBeLessThan(1e-3);
    }
  });

  it('refuses a picture of another size, and stops when told', async () => {
    await expect(encoder.encode([new Uint8Array(12)])).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(encoder.encode([golden()], { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'cancelled',
    });
  });

  it('is gone after dispose', async () => {
    const other = await createVisionEncoder({ pack, connectorFile: path.join(folder, 'connector.onnx') });
    await other.dispose();
    await expect(other.encode([golden()])).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('says what is missing', async () => {
    const graph = new Graph('connector');
    graph.output(graph.input('depth', 'float32', ['n', 16, 9]), 'float32', ['n', 16, 9], 'visual_tokens');
    await writeModel(path.join(folder, 'deep.onnx'), graph);
    await expect(createVisionEncoder({ pack, connectorFile: path.join(folder, 'deep.onnx') })).rejects.toThrow(
      'needs depth, which its vision encoder e.onnx does not give',
    );
    const missing = { ...pack, path: () => '/nowhere/x.onnx' };
    await expect(createVisionEncoder({ pack: missing, connectorFile: 'x' })).rejects.toMatchObject({
      code: 'model_missing',
    });
  });
});
