/** A file that means harm, or that chance has broken. */
export interface HostileFile {
  /** What is wrong with it; also its name in a test's report. */
  title: string;
  /** The name it is sent under. */
  name: string;
  bytes: Uint8Array;
}

export const hostile = (title: string, name: string, bytes: Uint8Array | string): HostileFile => ({
  title,
  name,
  bytes: typeof bytes === 'string' ? Buffer.from(bytes, 'utf8') : bytes,
});

/** mulberry32: the same seed gives the same corpus on every machine. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const ascii = (text: string): Buffer => Buffer.from(text, 'latin1');
export const u16le = (...values: number[]): Buffer => numbers(2, values, (b, v, at) => b.writeUInt16LE(v, at));
export const u32le = (...values: number[]): Buffer => numbers(4, values, (b, v, at) => b.writeUInt32LE(v >>> 0, at));
export const u16be = (...values: number[]): Buffer => numbers(2, values, (b, v, at) => b.writeUInt16BE(v, at));
export const u32be = (...values: number[]): Buffer => numbers(4, values, (b, v, at) => b.writeUInt32BE(v >>> 0, at));

function numbers(width: number, values: number[], write: (buffer: Buffer, value: number, at: number) => void): Buffer {
  const buffer = Buffer.alloc(width * values.length);
  values.forEach((value, i) => write(buffer, value, i * width));
  return buffer;
}
