import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { ContentHash, TesseraError } from '#contracts';
import { formatSize, writeNewFile } from '#platform';
import type { Blob, PutOptions, Source } from './blobs.js';

/** Streams bytes to a new file and hashes them on the way. Nothing remains of a failure. */
export async function writeDraft(file: string, source: Source, options: PutOptions = {}): Promise<Blob> {
  const { maxBytes = Number.POSITIVE_INFINITY, signal } = options;
  const hash = createHash('sha256');
  let size = 0;
  async function* counted(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      size += chunk.byteLength;
      if (size > maxBytes) throw new TesseraError('file_too_large', `The file is larger than ${formatSize(maxBytes)}.`);
      hash.update(chunk);
      yield chunk;
    }
  }
  const input = source instanceof Uint8Array ? Readable.from([source]) : source;
  await writeNewFile(file, input, counted, { signal });
  return { id: hash.digest('hex'), size };
}

/** Throws when `id` is not a content hash, so that no id can name another file or object. */
export function checkId(id: string): string {
  if (ContentHash.safeParse(id).success) return id;
  throw new TesseraError('invalid_request', 'A blob is named by a sha-256 hash.');
}

export const noBlob = (id: string, cause?: unknown): TesseraError =>
  new TesseraError('media_not_found', `There is no blob ${id}.`, { cause });
