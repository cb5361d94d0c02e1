import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { wav } from '../../bench/wav.js';
import { ROOT } from './cli.js';

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

function crc32(data: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of data) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

/** A PNG whose header claims width × height pixels and whose data holds almost none. */
export function hugePng(width: number, height: number): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.alloc(64))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** A WAV file with a right header and no samples. */
export const emptyWav = (): Buffer => wav(new Uint8Array(0));

/** Writes the files that every service meets sooner or later; resolves to their paths by name. */
export function writeBadFiles(folder: string) {
  const write = (name: string, data: Buffer | string): string => {
    const file = join(folder, name);
    writeFileSync(file, data);
    return file;
  };
  const jpeg = readFileSync(join(ROOT, 'samples/cat.jpg'));
  return {
    truncated: write('truncated.jpg', jpeg.subarray(0, Math.floor(jpeg.length / 3))),
    lying: write('lying.mp4', 'This is not a film at all, it is a line of text.\n'),
    empty: write('empty.jpg', ''),
    huge: write('huge.png', hugePng(40_000, 40_000)),
    silent: write('silent.wav', emptyWav()),
    missing: join(folder, 'missing.jpg'),
  };
}
