/**
 * Block formats of GGUF tensors and how their blocks become floats. The layouts are those of ggml
 * (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md and ggml-quants); little-endian throughout.
 */
export interface BlockFormat {
  name: string;
  /** Values per block. */
  values: number;
  /** Bytes per block. */
  bytes: number;
  /** Reads one block at `at` and writes `values` floats from `to` on. */
  decode(view: DataView, at: number, out: Float32Array, to: number): void;
}

const HALF = new Float32Array(65536);
let halfReady = false;

/** IEEE half precision to a number, by table: dequantising reads millions of scales. */
export function halfToFloat(bits: number): number {
  if (!halfReady) {
    for (let i = 0; i < 65536; i++) {
      const sign = i & 0x8000 ? -1 : 1;
      const exponent = (i >> 10) & 31;
      const fraction = i & 1023;
      if (exponent === 0) HALF[i] = sign * fraction * 2 ** -24;
      else if (exponent === 31) HALF[i] = fraction ? NaN : sign * Infinity;
      else HALF[i] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
    }
    halfReady = true;
  }
  return HALF[bits]!;
}

const half = (view: DataView, at: number): number => halfToFloat(view.getUint16(at, true));

const bfloat = new Float32Array(1);
const bfloatBits = new Uint32Array(bfloat.buffer);

/** Six-bit scale and minimum number `j` (0..7) of the 12 packed bytes of Q4_K and Q5_K. */
function packedScale(view: DataView, at: number, j: number): [scale: number, min: number] {
  const q = (i: number): number => view.getUint8(at + i);
  if (j < 4) return [q(j) & 63, q(j + 4) & 63];
  return [(q(j + 4) & 15) | ((q(j - 4) >> 6) << 4), (q(j + 4) >> 4) | ((q(j) >> 6) << 4)];
}

/** By the number of the type in the file. */
export const BLOCK_FORMATS: Readonly<Record<number, BlockFormat>> = {
  0: {
    name: 'F32',
    values: 1,
    bytes: 4,
    decode: (view, at, out, to) => {
      out[to] = view.getFloat32(at, true);
    },
  },
  1: {
    name: 'F16',
    values: 1,
    bytes: 2,
    decode: (view, at, out, to) => {
      out[to] = half(view, at);
    },
  },
  30: {
    name: 'BF16',
    values: 1,
    bytes: 2,
    decode: (view, at, out, to) => {
      bfloatBits[0] = view.getUint16(at, true) << 16;
      out[to] = bfloat[0]!;
    },
  },
  2: {
    name: 'Q4_0',
    values: 32,
    bytes: 18,
    decode: (view, at, out, to) => {
      const d = half(view, at);
      for (let i = 0; i < 16; i++) {
        const q = view.getUint8(at + 2 + i);
        out[to + i] = ((q & 15) - 8) * d;
        out[to + 16 + i] = ((q >> 4) - 8) * d;
      }
    },
  },
  3: {
    name: 'Q4_1',
    values: 32,
    bytes: 20,
    decode: (view, at, out, to) => {
      const d = half(view, at);
      const m = half(view, at + 2);
      for (let i = 0; i < 16; i++) {
        const q = view.getUint8(at + 4 + i);
        out[to + i] = (q & 15) * d + m;
        out[to + 16 + i] = (q >> 4) * d + m;
      }
    },
  },
  6: {
    name: 'Q5_0',
    values: 32,
    bytes: 22,
    decode: (view, at, out, to) => {
      const d = half(view, at);
      const high = view.getUint32(at + 2, true);
      for (let i = 0; i < 16; i++) {
        const q = view.getUint8(at + 6 + i);
        out[to + i] = ((q & 15) + ((high >>> i) & 1) * 16 - 16) * d;
        out[to + 16 + i] = ((q >> 4) + ((high >>> (i + 16)) & 1) * 16 - 16) * d;
      }
    },
  },
  7: {
    name: 'Q5_1',
    values: 32,
    bytes: 24,
    decode: (view, at, out, to) => {
      const d = half(view, at);
      const m = half(view, at + 2);
      const high = view.getUint32(at + 4, true);
      for (let i = 0; i < 16; i++) {
        const q = view.getUint8(at + 8 + i);
        out[to + i] = ((q & 15) + ((high >>> i) & 1) * 16) * d + m;
        out[to + 16 + i] = ((q >> 4) + ((high >>> (i + 16)) & 1) * 16) * d + m;
      }
    },
  },
  8: {
    name: 'Q8_0',
    values: 32,
    bytes: 34,
    decode: (view, at, out, to) => {
      const d = half(view, at);
      for (let i = 0; i < 32; i++) out[to + i] = view.getInt8(at + 2 + i) * d;
    },
  },
  12: {
    name: 'Q4_K',
    values: 256,
    bytes: 144,
    decode: (view, at, out, to) => {
      const d = half(view, at);
      const dmin = half(view, at + 2);
      for (let j = 0; j < 8; j++) {
        const [scale, min] = packedScale(view, at + 4, j);
        const q = at + 16 + (j >> 1) * 32;
        for (let i = 0; i < 32; i++) {
          const byte = view.getUint8(q + i);
          out[to + j * 32 + i] = d * scale * (j & 1 ? byte >> 4 : byte & 15) - dmin * min;
        }
      }
    },
  },
  13: {
    name: 'Q5_K',
    values: 256,
    bytes: 176,
    decode: (view, at, out, to) => {
      const d = half(view, at);
      const dmin = half(view, at + 2);
      for (let j = 0; j < 8; j++) {
        const [scale, min] = packedScale(view, at + 4, j);
        const q = at + 48 + (j >> 1) * 32;
        for (let i = 0; i < 32; i++) {
          const byte = view.getUint8(q + i);
          const high = (view.getUint8(at + 16 + i) >> j) & 1;
          out[to + j * 32 + i] = d * scale * ((j & 1 ? byte >> 4 : byte & 15) + high * 16) - dmin * min;
        }
      }
    },
  },
  14: {
    name: 'Q6_K',
    values: 256,
    bytes: 210,
    decode: (view, at, out, to) => {
      const d = half(view, at + 208);
      for (let n = 0; n < 2; n++) {
        const low = at + n * 64;
        const high = at + 128 + n * 32;
        const scales = at + 192 + n * 8;
        for (let i = 0; i < 32; i++) {
          const h = view.getUint8(high + i);
          for (let k = 0; k < 4; k++) {
            const byte = view.getUint8(low + (k & 1) * 32 + i);
            const q = ((k < 2 ? byte & 15 : byte >> 4) | (((h >> (2 * k)) & 3) << 4)) - 32;
            out[to + n * 128 + k * 32 + i] = d * view.getInt8(scales + 2 * k + (i >> 4)) * q;
          }
        }
      }
    },
  },
};
