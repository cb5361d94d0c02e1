import { MICROSOFT, type Graph } from '#runtime';
import { SHAPE, type QuantisedMatrix } from './weights.js';

const EPSILON = 1e-5;

export type MatrixBytes = 'int8' | 'uint8';

/** The layers that both halves of Moonshine are made of, as operators that onnxruntime has fused kernels for. */
export class Layers {
  private count = 0;

  constructor(
    readonly graph: Graph,
    /** Rows of the rotary tables. */
    private readonly positions: number,
    /** How matrices are kept: `uint8` where sums of products of bytes with and without sign saturate (see `choosePrecision`). */
    private readonly bytes: MatrixBytes,
  ) {}

  /** LayerNorm without an offset. */
  norm(x: string, weight: Float32Array): string {
    const scale = this.weight('float32', [weight.length], weight);
    return this.graph.op('LayerNormalization', [x, scale], { attributes: { axis: -1, epsilon: { float: EPSILON } } });
  }

  /** x · [a b c …] with 8-bit activations (one scale for all of x) and weights; one product for all matrices. */
  linear(x: string, matrices: QuantisedMatrix[], bias?: Float32Array): string {
    const rows = matrices[0]!.rows;
    const columns = matrices.reduce((sum, matrix) => sum + matrix.columns, 0);
    const values = new Int8Array(rows * columns);
    const scales = new Float32Array(columns);
    const zeroPoints = new Int8Array(columns);
    let at = 0;
    for (const matrix of matrices) {
      for (let r = 0; r < rows; r++)
        values.set(matrix.values.subarray(r * matrix.columns, (r + 1) * matrix.columns), r * columns + at);
      scales.fill(matrix.scale, at, at + matrix.columns);
      zeroPoints.fill(matrix.zeroPoint, at, at + matrix.columns);
      at += matrix.columns;
    }
    const one = matrices.length === 1;
    const { bytes } = this;
    const kept = (numbers: Int8Array): ArrayBufferView =>
      bytes === 'int8' ? numbers : Uint8Array.from(numbers, (value) => value + 128);
    const inputs = [
      x,
      this.weight(bytes, [rows, columns], kept(values)),
      this.weight('float32', one ? [] : [columns], one ? scales.subarray(0, 1) : scales),
      this.weight(bytes, one ? [] : [columns], kept(one ? zeroPoints.subarray(0, 1) : zeroPoints)),
      ...(bias ? [this.weight('float32', [columns], bias)] : []),
    ];
    return this.graph.op('DynamicQuantizeMatMul', inputs, { domain: MICROSOFT });
  }

  /** Turns the heads of x [b, s, width] by their positions, which begin at `offset` (int64 [1]). */
  rotate(x: string, offset: string): string {
    const table = (name: string, f: (angle: number) => number) =>
      this.graph.once(`rotary.${name}`, () => {
        const half = SHAPE.rotary / 2;
        const values = Float32Array.from({ length: this.positions * half }, (_, i) =>
          f(Math.floor(i / half) * SHAPE.theta ** (-(i % half) / half)),
        );
        return this.graph.weight(`rotary.${name}`, 'float32', [this.positions, half], values);
      });
    return this.graph.op('RotaryEmbedding', [x, offset, table('cos', Math.cos), table('sin', Math.sin)], {
      domain: MICROSOFT,
      attributes: { interleaved: 1, num_heads: SHAPE.heads, rotary_embedding_dim: SHAPE.rotary },
    });
  }

  /** x [b, s, n · width] → its n parts. */
  parts(x: string, n: number): string[] {
    return this.graph.multi('Split', [x], n, { attributes: { axis: -1, num_outputs: n } });
  }

  /** [b, s, width] → [b, heads, s, headSize] */
  heads(x: string): string {
    const split = this.graph.op('Reshape', [x, this.graph.constant('int64', [0, 0, SHAPE.heads, SHAPE.headSize])]);
    return this.graph.op('Transpose', [split], { attributes: { perm: [0, 2, 1, 3] } });
  }

  add(a: string, b: string): string {
    return this.graph.op('Add', [a, b]);
  }

  weight(type: 'float32' | MatrixBytes, dims: readonly number[], data: ArrayBufferView): string {
    return this.graph.weight(`w${this.count++}`, type, dims, data);
  }
}
