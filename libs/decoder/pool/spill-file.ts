import { open, rename, rm } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { pagesFor } from './page-pool.js';

/** What must agree between the pool that wrote a file and the one that reads it. */
export interface SpillFormat {
  precision: string;
  layers: number;
  kvHeads: number;
  headDim: number;
  pageBytes: number;
}

/**
 * One run of pages as a file, all numbers little-endian:
 *
 *   0  'TSKV' · 4 version u16 · 6 header bytes u16 · 8 tokens u32 · 12 pages u32 · 16 page bytes u32
 *   20 layers u16 · 22 KV heads u16 · 24 head dimension u16 · 26 (zero) · 28 precision, 16 bytes of ASCII
 *   44 CRC-32 of the pages u32 · 48 CRC-32 of bytes 0 to 47 u32 · 52 (zero) · 64 pages
 */
const HEADER_BYTES = 64;
const VERSION = 1;

/** Size of the file for so many bytes of pages. */
export const spillFileBytes = (pageBytes: number): number => HEADER_BYTES + pageBytes;

function header(format: SpillFormat, tokens: number, checksum: number): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes.write('TSKV', 0, 'ascii');
  bytes.writeUInt16LE(VERSION, 4);
  bytes.writeUInt16LE(HEADER_BYTES, 6);
  bytes.writeUInt32LE(tokens, 8);
  bytes.writeUInt32LE(pagesFor(tokens), 12);
  bytes.writeUInt32LE(format.pageBytes, 16);
  bytes.writeUInt16LE(format.layers, 20);
  bytes.writeUInt16LE(format.kvHeads, 22);
  bytes.writeUInt16LE(format.headDim, 24);
  bytes.write(format.precision, 28, 16, 'ascii');
  bytes.writeUInt32LE(checksum, 44);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 48)), 48);
  return bytes;
}

/**
 * Writes pages to `file` by way of `temporary`, so that a reader finds all of it or nothing. Not synced to the disk:
 * a file torn by a power cut fails its checksum and is prefilled again.
 */
export async function writeSpillFile(
  file: string,
  temporary: string,
  format: SpillFormat,
  tokens: number,
  pages: Uint8Array,
): Promise<void> {
  try {
    const handle = await open(temporary, 'wx');
    try {
      await writeAll(handle, [header(format, tokens, crc32(pages)), pages]);
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function writeAll(handle: Awaited<ReturnType<typeof open>>, parts: Uint8Array[]): Promise<void> {
  const expected = parts.reduce((sum, part) => sum + part.byteLength, 0);
  const { bytesWritten } = await handle.writev(parts);
  if (bytesWritten !== expected) throw new Error(`wrote ${bytesWritten} of ${expected} bytes`);
}

/**
 * Reads a file's pages straight into `pages`.
 * @returns false when the file is damaged, cut short, of another format or of another run; `pages` are then garbage
 * @throws the system's error when there is no such file or it cannot be read
 */
export async function readSpillFile(
  file: string,
  format: SpillFormat,
  tokens: number,
  pages: Uint8Array,
): Promise<boolean> {
  const handle = await open(file, 'r');
  try {
    const head = Buffer.alloc(HEADER_BYTES);
    const { bytesRead } = await handle.readv([head, pages]);
    return (
      bytesRead === HEADER_BYTES + pages.byteLength &&
      head.equals(header(format, tokens, head.readUInt32LE(44))) &&
      head.readUInt32LE(44) === crc32(pages)
    );
  } finally {
    await handle.close();
  }
}
