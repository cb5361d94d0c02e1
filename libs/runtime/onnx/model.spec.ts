import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openSession } from '../sessions/local-session.js';
import { Graph } from './graph.js';
import { encodeModel, hashModel, writeModel } from './model.js';
import { ProtobufWriter } from './protobuf.js';

describe('ProtobufWriter', () => {
  it('writes varints as the format defines them', () => {
    expect([...new ProtobufWriter().varint(1, 150).finish()]).toEqual([0x08, 0x96, 0x01]);
    expect([...new ProtobufWriter().varint(2, -1).finish()]).toEqual([0x10, ...Array(9).fill(0xff), 0x01]);
  });

  it('nests messages', () => {
    const inner = new ProtobufWriter().string(1, 'hi');
    expect([...new ProtobufWriter().message(3, inner).finish()]).toEqual([0x1a, 0x04, 0x0a, 0x02, 0x68, 0x69]);
  });
});

/** y = x·w + 1, with w large enough for the data file. */
function linear(rows: number): Graph {
  const graph = new Graph('linear');
  const x = graph.input('x', 'float32', ['n', rows]);
  const w = graph.weight(
    'w',
    'float32',
    [rows, 2],
    Float32Array.from({ length: rows * 2 }, (_, i) => (i % 2 ? 1 : 0.5)),
  );
  const y = graph.op('Add', [graph.op('MatMul', [x, w]), graph.constant('float32', 1)]);
  graph.output(y, 'float32', ['n', 2], 'y');
  return graph;
}

describe('writeModel', () => {
  it('writes a model that onnxruntime runs, weights beside it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tessera-onnx-'));
    try {
      const file = join(folder, 'linear.onnx');
      await writeModel(file, linear(512));
      expect((await readdir(folder)).sort()).toEqual(['linear.onnx', 'linear.onnx.data']);
      const session = await openSession({ file, name: 'linear' });
      const { y } = await session.run({ x: { type: 'float32', dims: [1, 512], data: new Float32Array(512).fill(1) } });
      expect([...(y!.data as Float32Array)]).toEqual([257, 513]);
      await session.dispose();
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('encodes small models in one piece', async () => {
    const session = await openSession({ bytes: encodeModel(linear(4)), name: 'linear' });
    const { y } = await session.run({ x: { type: 'float32', dims: [1, 4], data: Float32Array.of(1, 1, 1, 1) } });
    expect([...(y!.data as Float32Array)]).toEqual([3, 5]);
    await session.dispose();
  });

  it('hashes structure and weights', () => {
    expect(hashModel(linear(4))).toBe(hashModel(linear(4)));
    expect(hashModel(linear(4))).not.toBe(hashModel(linear(5)));
  });
});

describe('Graph', () => {
  it('refuses wrong weights and double names', () => {
    const graph = new Graph('faulty');
    expect(() => graph.weight('w', 'float32', [2, 2], new Float32Array(3))).toThrow('needs 16 bytes');
    graph.input('x', 'float32', [1]);
    expect(() => graph.input('x', 'float32', [1])).toThrow('taken');
  });
});
