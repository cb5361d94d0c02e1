import type { AttributeValue, Dimension, ElementType, GraphLike, Initializer, Node, ValueInfo } from './types.js';
import { ELEMENTS } from './types.js';

export interface NodeOptions {
  domain?: string;
  attributes?: Record<string, AttributeValue>;
  /** Names of the outputs, for those that become the graph's: an Identity node would cost a copy. */
  names?: readonly string[];
  /**
   * Shape of the (only, float32) output where onnxruntime cannot infer it, as behind a Reshape to a computed shape.
   * Dimensions of the same name must be equal. Its memory planner compares every value of unknown shape with every
   * other: telling shapes made a graph of 2,900 nodes open in 0.2 s instead of 1.2 s.
   */
  dims?: readonly Dimension[];
}

type ConstantType = 'float32' | 'int64' | 'int32' | 'int8' | 'uint8';

/** onnxruntime's own operators. */
export const MICROSOFT = 'com.microsoft';

/**
 * Collects the nodes, inputs, outputs and weights of one ONNX graph. Values are their names.
 *
 * @example
 * const graph = new Graph('double');
 * const x = graph.input('x', 'float32', ['n']);
 * graph.output(graph.op('Add', [x, x]), 'float32', ['n'], 'y');
 * await writeModel(file, graph);
 */
export class Graph implements GraphLike {
  readonly nodes: Node[] = [];
  readonly inputs: ValueInfo[] = [];
  readonly outputs: ValueInfo[] = [];
  readonly initializers: Initializer[] = [];
  readonly values: ValueInfo[] = [];
  private names = new Set<string>();
  private weights = new Map<string, ArrayBufferView>();
  private made = new Map<string, string>();

  /** @param prefix of values that get no name from the caller: a sub-graph's must differ from those of the graph around it */
  constructor(
    readonly name: string,
    private readonly prefix = '',
  ) {}

  input(name: string, type: ElementType, dims: readonly Dimension[]): string {
    this.inputs.push({ name: this.claim(name), type, dims });
    return name;
  }

  /** Makes `value` an output, under another name when `name` is given. */
  output(value: string, type: ElementType, dims: readonly Dimension[], name = value): string {
    if (name !== value) this.nodes.push(node('Identity', [value], [this.claim(name)]));
    this.outputs.push({ name, type, dims });
    return name;
  }

  /**
   * A weight. The bytes are not copied: do not change them before the model is written. Asking again for the same name
   * and memory gives the same weight.
   */
  weight(name: string, type: ElementType, dims: readonly number[], data: ArrayBufferView): string {
    const known = this.weights.get(name);
    if (known !== undefined && known === data) return name;
    this.weights.set(name, data);
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const expected = dims.reduce((a, b) => a * b, 1) * ELEMENTS[type].bytes;
    if (bytes.byteLength !== expected)
      throw new RangeError(
        `weight ${name}: ${dims.join('×')} ${type} needs ${expected} bytes, got ${bytes.byteLength}`,
      );
    this.initializers.push({ name: this.claim(name), type, dims, data: bytes });
    return name;
  }

  /** A small constant; equal constants share one initializer. */
  constant(type: ConstantType, values: number | readonly number[]): string {
    const list = typeof values === 'number' ? [values] : values;
    const key = `${type}:${typeof values === 'number' ? 'scalar' : 'list'}:${list.join(',')}`;
    return this.once(key, () => this.newConstant(type, values));
  }

  /** The value that `make` adds to the graph, made at the first call for this key. */
  once(key: string, make: () => string): string {
    const known = this.made.get(key);
    if (known !== undefined) return known;
    const value = make();
    this.made.set(key, value);
    return value;
  }

  /** A node with one output; an empty string stands for an optional input that is left out. */
  op(op: string, inputs: readonly string[], options: NodeOptions = {}): string {
    return this.multi(op, inputs, 1, options)[0]!;
  }

  /** A node with several outputs; `false` in a list leaves that output out. */
  multi(
    op: string,
    inputs: readonly string[],
    outputs: number | readonly boolean[],
    options: NodeOptions = {},
  ): string[] {
    const wanted = typeof outputs === 'number' ? Array.from({ length: outputs }, () => true) : outputs;
    const names = wanted.map((want, i) => (want ? this.claim(options.names?.[i] || this.unused(op)) : ''));
    this.nodes.push(node(op, inputs, names, options));
    if (options.dims) this.values.push({ name: names[0]!, type: 'float32', dims: options.dims });
    return names;
  }

  private newConstant(type: ConstantType, values: number | readonly number[]): string {
    const list = typeof values === 'number' ? [values] : values;
    const dims = typeof values === 'number' ? [] : [list.length];
    const data = {
      float32: () => Float32Array.from(list),
      int64: () => BigInt64Array.from(list.map(BigInt)),
      int32: () => Int32Array.from(list),
      int8: () => Int8Array.from(list),
      uint8: () => Uint8Array.from(list),
    }[type]();
    return this.weight(this.unused('const'), type, dims, data);
  }

  private unused(stem: string): string {
    return `${this.prefix}${stem}_${this.names.size}`;
  }

  private claim(name: string): string {
    if (this.names.has(name)) throw new Error(`graph ${this.name}: the name ${name} is taken`);
    this.names.add(name);
    return name;
  }
}

function node(op: string, inputs: readonly string[], outputs: readonly string[], options: NodeOptions = {}): Node {
  return { op, domain: options.domain ?? '', inputs, outputs, attributes: options.attributes ?? {} };
}
