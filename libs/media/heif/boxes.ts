/** A box of the ISO base media file format (ISO/IEC 14496-12). */
export interface Box {
  type: string;
  /** Reads its body, after the header. */
  body: Reader;
}

/** Reads big-endian numbers one after the other. What would lie outside is a fault: `RangeError`. */
export class Reader {
  private at = 0;
  private readonly view: DataView;

  constructor(readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.bytes.length - this.at;
  }

  /** An unsigned number of 0, 1, 2, 4 or 8 bytes. */
  number(bytes: number): number {
    const at = this.at;
    this.skip(bytes);
    if (bytes === 0) return 0;
    if (bytes === 1) return this.view.getUint8(at);
    if (bytes === 2) return this.view.getUint16(at);
    if (bytes === 4) return this.view.getUint32(at);
    return Number(this.view.getBigUint64(at));
  }

  take(bytes: number): Uint8Array {
    const at = this.at;
    this.skip(bytes);
    return this.bytes.subarray(at, at + bytes);
  }

  code(): string {
    return Buffer.from(this.take(4)).toString('latin1');
  }

  skip(bytes: number): void {
    if (!(bytes >= 0 && bytes <= this.left)) throw new RangeError('the file ends too early');
    this.at += bytes;
  }

  /** The version and flags that full boxes begin with. */
  full(): { version: number; flags: number } {
    const word = this.number(4);
    return { version: word >>> 24, flags: word & 0xffffff };
  }
}

/** The boxes that follow one another up to the end. */
export function* boxes(reader: Reader): Generator<Box> {
  while (reader.left >= 8) {
    const size = reader.number(4);
    const type = reader.code();
    const length = size === 1 ? reader.number(8) - 16 : size === 0 ? reader.left : size - 8;
    yield { type, body: new Reader(reader.take(length)) };
  }
}
