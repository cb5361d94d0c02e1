import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ContentHash, TesseraError } from '#contracts';
import { formatSize } from '#platform';

export interface Blob {
  /** Lower-case hex sha-256 of the bytes. */
  id: string;
  size: number;
}

export interface PutOptions {
  /** More bytes than this end with `file_too_large`. */
  maxBytes?: number;
  signal?: AbortSignal;
}

const ABANDONED_AFTER_MS = 24 * 3600 * 1000;

/** Content-addressed files in a folder. What is stored never changes; equal bytes are stored once. */
export class Blobs {
  private constructor(private readonly folder: string) {}

  static async open(folder: string): Promise<Blobs> {
    const incoming = join(folder, 'incoming');
    await mkdir(incoming, { recursive: true, mode: 0o700 });
    for (const name of await readdir(incoming)) {
      const file = join(incoming, name);
      const age = Date.now() - (await stat(file).catch(() => ({ mtimeMs: Date.now() }))).mtimeMs;
      if (age > ABANDONED_AFTER_MS) await rm(file, { force: true });
    }
    return new Blobs(folder);
  }

  /** Streams bytes to disk, hashes them on the way, and moves them to their address in one step. */
  async put(source: Readable | AsyncIterable<Uint8Array> | Uint8Array, options: PutOptions = {}): Promise<Blob> {
    const { maxBytes = Number.POSITIVE_INFINITY } = options;
    const draft = join(this.folder, 'incoming', randomUUID());
    const hash = createHash('sha256');
    let size = 0;
    const input = source instanceof Uint8Array ? Readable.from([source]) : source;
    try {
      await pipeline(
        input,
        async function* (chunks: AsyncIterable<Uint8Array>) {
          for await (const chunk of chunks) {
            size += chunk.byteLength;
            if (size > maxBytes)
              throw new TesseraError('file_too_large', `The file is larger than ${formatSize(maxBytes)}.`);
            hash.update(chunk);
            yield chunk;
          }
        },
        createWriteStream(draft, { flags: 'wx', mode: 0o600 }),
        { signal: options.signal },
      );
      const id = hash.digest('hex');
      await this.settle(draft, id);
      return { id, size };
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
  }

  private async settle(draft: string, id: string): Promise<void> {
    const file = this.path(id);
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await rename(draft, file);
  }

  /** Where the blob is, or would be. Throws when `id` is not a content hash, so that no id can name another file. */
  path(id: string): string {
    if (!ContentHash.safeParse(id).success)
      throw new TesseraError('invalid_request', 'A blob is named by a sha-256 hash.');
    return join(this.folder, id.slice(0, 2), id.slice(2, 4), id);
  }

  has(id: string): boolean {
    return existsSync(this.path(id));
  }

  async size(id: string): Promise<number> {
    return (await stat(this.path(id))).size;
  }

  stream(id: string, range: { start?: number; end?: number } = {}): Readable {
    return createReadStream(this.path(id), range);
  }

  /** The whole blob in memory. Throws `media_not_found`. */
  async get(id: string): Promise<Buffer> {
    return readFile(this.path(id)).catch((error: unknown) => {
      throw new TesseraError('media_not_found', `There is no blob ${id}.`, { cause: error });
    });
  }

  async delete(id: string): Promise<void> {
    await rm(this.path(id), { force: true });
  }
}
