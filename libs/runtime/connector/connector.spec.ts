import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSession } from '../sessions/local-session.js';
import { tensor } from '../sessions/tensor.js';
import { buildConnector } from './build-connector.js';

/** The golden's rule for weights: a sine over the flat index. */
const wave = (shape: number[], phase: number, size: number, offset = 0) => ({
  shape,
  values: Float32Array.from(
    { length: shape.reduce((a, b) => a * b, 1) },
    (_, i) => offset + Math.fround(Math.sin(i * 0.7 + phase) * size),
  ),
});

/** 3 channels on a 4×4 map, 8 hidden, 6 wide. */
const WEIGHTS = {
  'connector.norm.weight': wave([12], 1, 0.5, 1),
  'connector.norm.bias': wave([12], 2, 0.3),
  'connector.fc1.weight': wave([8, 12], 3, 0.6),
  'connector.fc1.bias': wave([8], 4, 0.2),
  'connector.fc2.weight': wave([6, 8], 5, 0.6),
  'connector.fc2.bias': wave([6], 6, 0.2),
  'connector.scale': { shape: [], values: Float32Array.of(0.3) },
  'connector.position': wave([4, 6], 7, 0.1),
};

/** The same, listening to a classifier of 5 classes. */
const LISTENING = {
  ...WEIGHTS,
  'connector.classes.words': wave([5, 6], 11, 0.5),
  'connector.classes.gain': { shape: [], values: Float32Array.of(0.7) },
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-connector-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function writeAdapter(weights: Record<string, { shape: number[]; values: Float32Array }>): Promise<string> {
  let at = 0;
  const header = Object.entries(weights).map(([name, { shape, values }]) => {
    const data_offsets = [at, (at += values.byteLength)];
    return [name, { dtype: 'F32', shape, data_offsets }] as const;
  });
  const json = Buffer.from(JSON.stringify(Object.fromEntries(header)));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(json.length));
  const data = Object.values(weights).map(({ values }) => Buffer.from(values.buffer));
  const file = join(folder, 'adapter.safetensors');
  await writeFile(file, Buffer.concat([size, json, ...data]));
  return file;
}

describe('buildConnector', () => {
  it.each([
    ['visual_tokens', WEIGHTS],
    ['listening', LISTENING],
  ] as const)('computes what PyTorch computes: %s', async (name, weights) => {
    const golden = JSON.parse(await readFile(new URL('./golden.json', import.meta.url), 'utf8')) as Record<
      typeof name,
      number[]
    >;
    const session = await openSession({ file: await buildConnector(await writeAdapter(weights), folder), name: 'c' });
    const [map, classes] = [wave([2, 3, 4, 4], 8, 2), wave([2, 5], 9, 0.4, 0.5)];
    const { visual_tokens } = await session.run({
      feature_map: tensor('float32', map.shape, map.values),
      ...(name === 'listening' && { classes: tensor('float32', classes.shape, classes.values) }),
    });
    await session.dispose();
    expect(visual_tokens!.dims).toEqual([2, 4, 6]);
    expect(golden[name]).toHaveLength(48);
    golden[name].forEach((value, i) => expect(visual_tokens!.data[i]).toBeCloseTo(value, 4));
  });

  it('builds once per content', async () => {
    const file = await buildConnector(await writeAdapter(WEIGHTS), folder);
    expect(await buildConnector(await writeAdapter(WEIGHTS), folder)).toBe(file);
    const louder = { ...WEIGHTS, 'connector.scale': { shape: [], values: Float32Array.of(0.4) } };
    expect(await buildConnector(await writeAdapter(louder), folder)).not.toBe(file);
    expect(await buildConnector(await writeAdapter(LISTENING), folder)).not.toBe(file);
    expect((await readdir(folder)).filter((name) => name.endsWith('.onnx'))).toHaveLength(3);
  });

  it('names what an adapter lacks', async () => {
    const { 'connector.fc2.bias': _, ...rest } = WEIGHTS;
    await expect(buildConnector(await writeAdapter(rest), folder)).rejects.toThrow('no tensor "connector.fc2.bias"');
    const wrong = { ...WEIGHTS, 'connector.norm.bias': wave([6], 0, 1) };
    await expect(buildConnector(await writeAdapter(wrong), folder)).rejects.toThrow('is [6], [12] is needed');
    const { 'connector.classes.gain': __, ...deaf } = LISTENING;
    await expect(buildConnector(await writeAdapter(deaf), folder)).rejects.toThrow('"connector.classes.gain"');
  });
});
