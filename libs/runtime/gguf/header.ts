import { TesseraError } from '#contracts';

export type GgufValue = number | bigint | boolean | string | number[] | string[] | boolean[] | bigint[];

export interface GgufTensorInfo {
  name: string;
  /** Row-major: the last dimension is contiguous (the file lists it first). */
  dims: number[];
  type: number;
  /** Bytes from the start of the data section. */
  offset: number;
}

export interface GgufHeader {
  version: number;
  metadata: Record<string, GgufValue>;
  tensors: GgufTensorInfo[];
  /** Bytes from the start of the file. */
  dataStart: number;
}

/** Thrown while parsing when the bytes end before the header does: read more and try again. */
export class HeaderIncomplete extends Error {}

const DEFAULT_ALIGNMENT = 32;
const enum Kind {
  U8,
  I8,
  U16,
  I16,
  U32,
  I32,
  F32,
  Bool,
  String,
  Array,
  U64,
  I64,
  F64,
}

/** Parses the header of a GGUF file, version 2 or 3 (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md). */
export function parseGgufHeader(bytes: Buffer): GgufHeader {
  const cursor = new Cursor(bytes);
  if (cursor.take(4).toString('latin1') !== 'GGUF')
    throw new TesseraError('model_invalid', 'This is not a GGUF file: it does not start with "GGUF".');
  const version = cursor.u32();
  if (version !== 2 && version !== 3)
    throw new TesseraError('model_invalid', `GGUF version ${version} is not supported (2 and 3 are).`);
  const tensorCount = cursor.u64();
  const metadataCount = cursor.u64();
  const metadata: Record<string, GgufValue> = {};
  for (let i = 0; i < metadataCount; i++) {
    const key = cursor.string();
    metadata[key] = cursor.value(cursor.u32());
  }
  const tensors: GgufTensorInfo[] = [];
  for (let i = 0; i < tensorCount; i++) {
    const name = cursor.string();
    const dims = Array.from({ length: cursor.u32() }, () => cursor.u64()).reverse();
    tensors.push({ name, dims, type: cursor.u32(), offset: cursor.u64() });
  }
  const alignment = metadata['general.alignment'];
  const step = typeof alignment === 'number' && alignment > 0 ? alignment : DEFAULT_ALIGNMENT;
  return { version, metadata, tensors, dataStart: Math.ceil(cursor.at / step) * step };
}

class Cursor {
  at = 0;
  constructor(private readonly bytes: Buffer) {}

  take(count: number): Buffer {
    const start = this.advance(count);
    return this.bytes.subarray(start, this.at);
  }

  u32(): number {
    return this.bytes.readUInt32LE(this.advance(4));
  }

  u64(): number {
    return Number(this.bytes.readBigUInt64LE(this.advance(8)));
  }

  string(): string {
    return this.take(this.u64()).toString('utf8');
  }

  value(kind: number): GgufValue {
    switch (kind as Kind) {
      case Kind.U8:
        return this.bytes.readUInt8(this.advance(1));
      case Kind.I8:
        return this.bytes.readInt8(this.advance(1));
      case Kind.U16:
        return this.bytes.readUInt16LE(this.advance(2));
      case Kind.I16:
        return this.bytes.readInt16LE(this.advance(2));
      case Kind.U32:
        return this.u32();
      case Kind.I32:
        return this.bytes.readInt32LE(this.advance(4));
      case Kind.F32:
        return this.bytes.readFloatLE(this.advance(4));
      case Kind.Bool:
        return this.bytes.readUInt8(this.advance(1)) !== 0;
      case Kind.String:
        return this.string();
      case Kind.U64:
        return narrow(this.bytes.readBigUInt64LE(this.advance(8)));
      case Kind.I64:
        return narrow(this.bytes.readBigInt64LE(this.advance(8)));
      case Kind.F64:
        return this.bytes.readDoubleLE(this.advance(8));
      case Kind.Array: {
        const item = this.u32();
        const count = this.u64();
        const out: GgufValue[] = [];
        for (let i = 0; i < count; i++) out.push(this.value(item));
        return out as GgufValue;
      }
      default:
        throw new TesseraError('model_invalid', `The GGUF header holds an unknown value type (${kind}).`);
    }
  }

  private advance(count: number): number {
    const start = this.at;
    if (start + count > this.bytes.byteLength) throw new HeaderIncomplete();
    this.at = start + count;
    return start;
  }
}

function narrow(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
