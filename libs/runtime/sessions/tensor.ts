/** Element type → the typed array that holds it. float16 is raw bits in 16-bit words, bool one byte a value. */
interface Arrays {
  float32: Float32Array;
  float64: Float64Array;
  float16: Uint16Array;
  int8: Int8Array;
  uint8: Uint8Array;
  int16: Int16Array;
  uint16: Uint16Array;
  int32: Int32Array;
  uint32: Uint32Array;
  int64: BigInt64Array;
  uint64: BigUint64Array;
  bool: Uint8Array;
}

export type TensorType = keyof Arrays;
export type TensorData<T extends TensorType = TensorType> = Arrays[T];

const CONSTRUCTORS: { [T in TensorType]: new (length: number) => Arrays[T] } = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
};

/** Plain data, row-major; crosses threads as it is. */
export interface Tensor<T extends TensorType = TensorType> {
  type: T;
  dims: readonly number[];
  data: TensorData<T>;
}

/** Name and type of an input or output; a string in `dims` is a dimension that varies. */
export interface TensorInfo {
  name: string;
  type: TensorType;
  dims: readonly (number | string)[];
}

export type Feeds = Record<string, Tensor>;

export function tensor<T extends TensorType>(type: T, dims: readonly number[], data: TensorData<T>): Tensor<T> {
  return { type, dims, data };
}

export const elements = (dims: readonly number[]): number => dims.reduce((product, dim) => product * dim, 1);

/** `float32[1, 3, 256, 256]`, as logs and errors write it. */
export const describeTensor = ({ type, dims }: { type: string; dims: readonly (number | string)[] }): string =>
  `${type}[${dims.join(', ')}]`;

export const describeFeeds = (feeds: Feeds): string =>
  Object.entries(feeds)
    .map(([name, value]) => `${name} ${describeTensor(value)}`)
    .join(', ');

/** What is wrong with `feeds` for a model with these inputs: every fault, or none. */
export function checkFeeds(inputs: readonly TensorInfo[], feeds: Feeds): string[] {
  const known = new Map(inputs.map((input) => [input.name, input]));
  const missing = inputs.filter(({ name }) => !(name in feeds)).map((input) => `missing input ${describe(input)}`);
  const wrong = Object.entries(feeds).flatMap(([name, value]) => {
    const input = known.get(name);
    if (!input) return [`unknown input "${name}"`];
    const fault = checkTensor(input, value);
    return fault === undefined ? [] : [`input ${describe(input)} got ${describeTensor(value)}${fault}`];
  });
  return [...missing, ...wrong];
}

const describe = (info: TensorInfo) => `"${info.name}" ${describeTensor(info)}`;

/** What to add to "got float32[1, 2]", or undefined when it fits. */
function checkTensor(info: TensorInfo, value: Tensor): string | undefined {
  if (value.type !== info.type) return '';
  if (!(value.data instanceof CONSTRUCTORS[value.type])) return ` over ${value.data.constructor.name}`;
  if (elements(value.dims) !== value.data.length) return ` over ${value.data.length} elements`;
  const fits =
    value.dims.length === info.dims.length &&
    info.dims.every((dim, axis) => typeof dim === 'string' || dim === value.dims[axis]);
  return fits ? undefined : '';
}
