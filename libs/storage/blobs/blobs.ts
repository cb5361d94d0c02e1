import type { Readable } from 'node:stream';

export interface Blob {
  /** Lower-case hex sha-256 of the bytes. */
  id: string;
  size: number;
}

export interface PutOptions {
  /** More bytes than this end with `file_too_large`. */
  maxBytes?: number;
  signal?: AbortSignal | undefined;
  /** Told the blob's id before anything is there under it: whoever is to name it may not live to do so. */
  announce?: ((id: string) => Promise<void>) | undefined;
}

/** A file with a blob's bytes on this machine. It is there until it is disposed of, and nobody changes it. */
export interface LocalBlob extends AsyncDisposable {
  readonly path: string;
}

export type Source = Readable | AsyncIterable<Uint8Array> | Uint8Array;

/** Content-addressed bytes: what is stored never changes, and equal bytes are stored once. */
export interface Blobs {
  put(source: Source, options?: PutOptions): Promise<Blob>;
  /** For programs that read files. Throws `media_not_found`. */
  local(id: string, signal?: AbortSignal): Promise<LocalBlob>;
  has(id: string): Promise<boolean>;
  size(id: string): Promise<number>;
  /** `end` is the last byte. */
  stream(id: string, range?: { start?: number; end?: number }): Readable;
  /** The whole blob in memory. Throws `media_not_found`. */
  get(id: string): Promise<Buffer>;
  delete(id: string): Promise<void>;
  close(): Promise<void>;
}
