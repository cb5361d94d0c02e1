/** Element types of ONNX tensors with their numbers in `TensorProto.DataType` and bytes per element. */
export const ELEMENTS = {
  float32: { code: 1, bytes: 4 },
  uint8: { code: 2, bytes: 1 },
  int8: { code: 3, bytes: 1 },
  int32: { code: 6, bytes: 4 },
  int64: { code: 7, bytes: 8 },
  bool: { code: 9, bytes: 1 },
  float16: { code: 10, bytes: 2 },
} as const;

export type ElementType = keyof typeof ELEMENTS;

/** A number is fixed, a string names a dimension that is known when the graph runs. */
export type Dimension = number | string;

export type AttributeValue = number | string | readonly number[] | readonly string[] | { float: number } | GraphLike;

/** A sub-graph (bodies of If, Loop, Scan). */
export interface GraphLike {
  name: string;
  nodes: readonly Node[];
  inputs: readonly ValueInfo[];
  outputs: readonly ValueInfo[];
  initializers: readonly Initializer[];
  /** Types and shapes of values between nodes, where they are told. */
  values?: readonly ValueInfo[];
}

export interface ValueInfo {
  name: string;
  type: ElementType;
  dims: readonly Dimension[];
}

export interface Node {
  op: string;
  domain: string;
  inputs: readonly string[];
  outputs: readonly string[];
  attributes: Readonly<Record<string, AttributeValue>>;
}

export interface Initializer {
  name: string;
  type: ElementType;
  dims: readonly number[];
  /** Little-endian, row-major. */
  data: Uint8Array;
}
