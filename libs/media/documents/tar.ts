import { createReadStream } from 'node:fs';
import { createGunzip, gunzipSync } from 'node:zlib';
import { TesseraError } from '#contracts';
import { tooLarge, type UnpackLimits, type Wanted } from './unpack.js';

const BLOCK = 512;
/** Where a header says what it is, in POSIX's form and GNU's. */
const MAGIC_AT = 257;
const MAGIC = 'ustar';
/** Packed, what is left out of an archive counts too: the whole is unpacked at once. */
const MOST_BYTES = 256 * 1024 ** 2;

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8').replace(/\0.*$/s, '');

/** Whether a gzip file holds a tar archive, by its first block. */
export async function isTarGz(file: string): Promise<boolean> {
  const stream = createReadStream(file).pipe(createGunzip());
  let head = Buffer.alloc(0);
  try {
    for await (const chunk of stream) {
      head = Buffer.concat([head, chunk as Buffer]);
      if (head.length >= BLOCK) break;
    }
  } catch {
    return false;
  }
  return head.toString('latin1', MAGIC_AT, MAGIC_AT + MAGIC.length) === MAGIC;
}

/** What is in a gzip file. @throws TesseraError corrupt_media, file_too_large */
export function gunzip(data: Uint8Array, { maxRatio }: Pick<UnpackLimits, 'maxRatio'>): Uint8Array {
  try {
    return gunzipSync(data, { maxOutputLength: Math.min(MOST_BYTES, Math.max(1 << 16, maxRatio * data.length)) });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE')
      throw tooLarge(`more than ${MOST_BYTES >> 20} MiB, or more than ${maxRatio} times its size, unpacked`);
    throw damaged(error);
  }
}

/**
 * The wanted files of a tar archive (POSIX pax and GNU long names), as they lie in it. Links and devices are no files.
 * @throws TesseraError corrupt_media, file_too_large
 */
export function untar(data: Uint8Array, wanted: Wanted, limits: UnpackLimits): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  let [entries, bytes] = [0, 0];
  /** Of the next entry, told by the one before it. */
  let longName: string | undefined;
  for (let at = 0; at + BLOCK <= data.length;) {
    const header = data.subarray(at, at + BLOCK);
    if (header.every((byte) => byte === 0)) break;
    if (textOf(header.subarray(MAGIC_AT, MAGIC_AT + MAGIC.length)) !== MAGIC) throw damaged();
    const size = Number.parseInt(textOf(header.subarray(124, 136)).trim() || '0', 8);
    if (!(size >= 0) || at + BLOCK + size > data.length) throw damaged();
    const body = data.subarray(at + BLOCK, at + BLOCK + size);
    at += BLOCK + BLOCK * Math.ceil(size / BLOCK);
    if (++entries > limits.maxEntries) throw tooLarge(`more than ${limits.maxEntries} entries`);
    const type = String.fromCharCode(header[156]!);
    if (type === 'L') longName = textOf(body);
    else if (type === 'x') longName = paxPath(body) ?? longName;
    if (type === 'L' || type === 'x' || type === 'g') continue;
    const prefix = textOf(header.subarray(345, 500));
    const name = (longName ?? (prefix ? `${prefix}/` : '') + textOf(header.subarray(0, 100))).replace(/^\.\//, '');
    longName = undefined;
    if ((type !== '0' && type !== '\0') || !wanted(name, size)) continue;
    bytes += size;
    if (bytes > limits.maxUnpackedBytes) throw tooLarge(`more than ${limits.maxUnpackedBytes >> 20} MiB unpacked`);
    files.set(name, body);
  }
  return files;
}

/** Of `LENGTH KEY=VALUE\n` records, the one that is a path. */
function paxPath(body: Uint8Array): string | undefined {
  return /(?:^|\n)\d+ path=([^\n]*)\n/.exec(textOf(body))?.[1];
}

const damaged = (cause?: unknown): TesseraError =>
  new TesseraError('corrupt_media', 'The archive is damaged and cannot be unpacked.', { cause });
