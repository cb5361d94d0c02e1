import { TesseraError } from '#contracts';
import type { OnnxContents } from '#runtime';

/** Moonshine-tiny (https://arxiv.org/abs/2410.15608): the sizes of both its halves. */
export const SHAPE = {
  width: 288,
  heads: 8,
  headSize: 36,
  layers: 6,
  /** Dimensions of a head that turn with the position; pairs are neighbours. */
  rotary: 32,
  theta: 10_000,
  vocabulary: 32_768,
  bos: 1,
  eos: 2,
} as const;

/** A quantised matrix [rows, columns], row-major: weight = scale · (value − zeroPoint), signed. */
export interface QuantisedMatrix {
  rows: number;
  columns: number;
  values: Int8Array;
  scale: number;
  zeroPoint: number;
}

/** Finds weights of a quantised Moonshine file by the names of the layers they belong to. */
export class MoonshineWeights {
  constructor(
    private readonly contents: OnnxContents,
    /** What the exporter put before the names of nodes, and after those of weights. */
    private readonly names: { nodes: string; weights: string; weightSuffix: string },
  ) {}

  /** A layer's matrix, for example `layers.0/self_attn/q_proj`. */
  matrix(layer: string): QuantisedMatrix {
    const product = `${this.names.nodes}${layer}/MatMul_output_0_output_quantized`;
    const name = this.contents.nodes.find((node) => node.outputs[0] === product)?.inputs[1];
    if (name === undefined) throw missing(layer);
    return this.quantised(name.replace(/_quantized$/, ''));
  }

  /** A matrix by its own name. */
  quantised(name: string): QuantisedMatrix {
    const { dims, data } = this.get(`${name}_quantized`);
    return {
      rows: dims[0]!,
      columns: dims[1]!,
      values: signed(data),
      scale: this.floats(`${name}_scale`)[0]!,
      zeroPoint: this.get(`${name}_zero_point`).data[0]! - 128,
    };
  }

  /** A vector, for example `layers.0.input_layernorm.weight`. */
  vector(name: string): Float32Array {
    return this.floats(`${this.names.weights}${name}${this.names.weightSuffix}`);
  }

  floats(name: string): Float32Array {
    return new Float32Array(this.get(name).data.slice().buffer);
  }

  /** A convolution's filters as float32: they are stored as 8-bit values, a scale and an offset. */
  filters(name: string): { dims: readonly number[]; values: Float32Array } {
    const { dims, data } = this.get(`${name}_quantized`);
    const [scale, offset] = [this.floats(`${name}_scale`)[0]!, this.floats(`${name}_zero_point`)[0]!];
    const values = new Float32Array(data.length);
    const bytes = new Int8Array(data.buffer, data.byteOffset, data.length);
    for (let i = 0; i < values.length; i++) values[i] = bytes[i]! * scale + offset;
    return { dims, values };
  }

  private get(name: string) {
    const weight = this.contents.weights.get(name);
    if (!weight) throw missing(name);
    return weight;
  }
}

/** From unsigned to signed: values and zero point move by 128 alike, so the weights stay what they are. */
function signed(data: Uint8Array): Int8Array {
  const values = new Int8Array(data.length);
  for (let i = 0; i < values.length; i++) values[i] = data[i]! - 128;
  return values;
}

function missing(name: string): TesseraError {
  return new TesseraError(
    'model_invalid',
    `The speech model has no weight ${name}; it is not a Moonshine file that is known here.`,
  );
}

/** The same weights as [columns, rows]. */
export function transposed({ rows, columns, values, scale, zeroPoint }: QuantisedMatrix): QuantisedMatrix {
  const turned = new Int8Array(values.length);
  for (let c = 0; c < columns; c++)
    for (let r = 0, to = c * rows; r < rows; r++) turned[to++] = values[r * columns + c]!;
  return { rows: columns, columns: rows, values: turned, scale, zeroPoint };
}
