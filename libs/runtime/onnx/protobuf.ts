/**
 * The little of protobuf's wire format that ONNX files need: varints, 32-bit floats and length-delimited fields
 * (https://protobuf.dev/programming-guides/encoding/). Fields are appended in the order of the calls.
 */
export class ProtobufWriter {
  private chunks: Uint8Array[] = [];
  private size = 0;

  /** int32, int64, enum or bool; negative numbers take ten bytes, as protobuf wants. */
  varint(field: number, value: number | bigint): this {
    return this.tag(field, 0).push(encodeVarint(value));
  }

  float(field: number, value: number): this {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setFloat32(0, value, true);
    return this.tag(field, 5).push(bytes);
  }

  bytes(field: number, value: Uint8Array): this {
    return this.tag(field, 2).push(encodeVarint(value.byteLength)).push(value);
  }

  string(field: number, value: string): this {
    return this.bytes(field, new TextEncoder().encode(value));
  }

  message(field: number, value: ProtobufWriter): this {
    this.tag(field, 2).push(encodeVarint(value.size));
    for (const chunk of value.chunks) this.push(chunk);
    return this;
  }

  packedVarints(field: number, values: readonly (number | bigint)[]): this {
    const body = new ProtobufWriter();
    for (const value of values) body.push(encodeVarint(value));
    return this.message(field, body);
  }

  packedFloats(field: number, values: readonly number[]): this {
    const bytes = new Uint8Array(values.length * 4);
    const view = new DataView(bytes.buffer);
    values.forEach((value, i) => view.setFloat32(i * 4, value, true));
    return this.bytes(field, bytes);
  }

  finish(): Uint8Array {
    const out = new Uint8Array(this.size);
    let at = 0;
    for (const chunk of this.chunks) {
      out.set(chunk, at);
      at += chunk.byteLength;
    }
    return out;
  }

  private tag(field: number, wireType: number): this {
    return this.push(encodeVarint(field * 8 + wireType));
  }

  private push(chunk: Uint8Array): this {
    this.chunks.push(chunk);
    this.size += chunk.byteLength;
    return this;
  }
}

function encodeVarint(value: number | bigint): Uint8Array {
  let rest = BigInt.asUintN(64, BigInt(value));
  const out: number[] = [];
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    out.push(rest > 0n ? low | 0x80 : low);
  } while (rest > 0n);
  return Uint8Array.from(out);
}
