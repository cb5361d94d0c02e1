const LARGEST = 0x7bff;
const BIAS = 127 - 15;

const float = new Float32Array(1);
const bitsOf = new Uint32Array(float.buffer);

/** IEEE half precision, rounded to nearest even. Too large becomes the largest, below 6.1e-5 becomes zero. */
export function halves(values: Float32Array): Uint16Array {
  const result = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) result[i] = rounded(values[i] as number);
  return result;
}

function rounded(value: number): number {
  float[0] = value;
  const bits = bitsOf[0] as number;
  const sign = (bits >>> 16) & 0x8000;
  const exponent = ((bits >>> 23) & 0xff) - BIAS;
  if (exponent <= 0) return sign;
  const [kept, rest] = [(exponent << 10) | ((bits >>> 13) & 0x3ff), bits & 0x1fff];
  // A carry out of the fraction is the next power of two.
  const up = rest > 0x1000 || (rest === 0x1000 && (kept & 1) === 1) ? 1 : 0;
  return sign | Math.min(kept + up, LARGEST);
}

/** The numbers that `halves` wrote. */
export function numbersOf(bits: Uint16Array): Float32Array {
  const result = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) result[i] = numberOf(bits[i] as number);
  return result;
}

function numberOf(bits: number): number {
  const exponent = (bits >>> 10) & 0x1f;
  if (exponent === 0) return 0;
  const size = (1024 + (bits & 0x3ff)) * 2 ** (exponent - 25);
  return bits & 0x8000 ? -size : size;
}
