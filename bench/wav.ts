export interface WavHeader {
  /** 1: whole numbers. */
  format?: number;
  channels?: number;
  rate?: number;
  align?: number;
  bits?: number;
  /** Bytes that the header claims. */
  claimed?: number;
}

/** A WAV file; its header says what it is told to, else 16 bits, mono, 16 kHz. */
export function wav(data: Uint8Array, header: WavHeader = {}): Buffer<ArrayBuffer> {
  const { format = 1, channels = 1, rate = 16_000, bits = 16, claimed = data.byteLength } = header;
  const align = header.align ?? (channels * bits) >> 3;
  const head = Buffer.alloc(44);
  head.write('RIFF', 0);
  head.writeUInt32LE((36 + claimed) >>> 0, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(format, 20);
  head.writeUInt16LE(channels, 22);
  head.writeUInt32LE(rate >>> 0, 24);
  head.writeUInt32LE((rate * align) >>> 0, 28);
  head.writeUInt16LE(align, 32);
  head.writeUInt16LE(bits, 34);
  head.write('data', 36);
  head.writeUInt32LE(claimed >>> 0, 40);
  return Buffer.concat([head, data]);
}
