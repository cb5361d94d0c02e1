import { describe, expect, it } from 'vitest';
import { Graph } from './graph.js';
import { encodeModel } from './model.js';
import { readOnnx } from './reader.js';

describe('readOnnx', () => {
  it('finds the nodes and weights that the writer wrote', () => {
    const graph = new Graph('sum');
    const x = graph.input('x', 'float32', ['n', 3]);
    const w = graph.weight('w', 'float32', [3], Float32Array.of(1, -2, 3.5));
    const axes = graph.constant('int64', [-1]);
    graph.output(graph.op('ReduceSum', [graph.op('Mul', [x, w]), axes]), 'float32', ['n', 1], 'y');
    const { nodes, weights } = readOnnx(encodeModel(graph));
    expect(nodes.map((node) => node.op)).toEqual(['Mul', 'ReduceSum', 'Identity']);
    expect(nodes[0]!.inputs).toEqual(['x', 'w']);
    expect(weights.get('w')).toMatchObject({ type: 'float32', dims: [3] });
    expect([...new Float32Array(weights.get('w')!.data.slice().buffer)]).toEqual([1, -2, 3.5]);
    expect(new BigInt64Array(weights.get(axes)!.data.slice().buffer)[0]).toBe(-1n);
  });

  it('refuses what is not a model', () => {
    expect(() => readOnnx(new TextEncoder().encode('not a model'))).toThrow(/not a readable ONNX model|no graph/);
    expect(() => readOnnx(new Uint8Array(0))).toThrow(/no graph/);
  });
});
