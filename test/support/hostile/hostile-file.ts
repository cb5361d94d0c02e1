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

/** Ten of the one before, nine deep: the last, `&a9;`, is a billion. @param root name of the document's first element */
export const billionLaughs = (root: string): string =>
  `<!DOCTYPE ${root} [<!ENTITY a0 "ha">${Array.from({ length: 9 }, (_, i) => `<!ENTITY a${i + 1} "${`&a${i};`.repeat(10)}">`).join('')}]>`;

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
