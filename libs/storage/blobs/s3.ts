import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { TesseraError } from '#contracts';
import type { Blob, Blobs, LocalBlob, PutOptions, Source } from './blobs.js';
import { Copies } from './copies.js';
import { checkId, noBlob, writeDraft } from './draft.js';
import { parseS3Url, type S3Place } from './s3-url.js';

const missing = (error: unknown): boolean =>
  error instanceof S3ServiceException && (error.$metadata.httpStatusCode === 404 || error.name === 'NoSuchKey');

/** Content-addressed objects in a bucket. Credentials come from where AWS's own tools look for them. */
export class S3Blobs implements Blobs {
  private constructor(
    private readonly client: S3Client,
    private readonly place: S3Place,
    private readonly copies: Copies,
  ) {}

  /** Throws `configuration` when the bucket cannot be used. */
  static async open(url: string, { folder, maxBytes }: { folder: string; maxBytes: number }): Promise<S3Blobs> {
    const place = parseS3Url(url);
    const client = new S3Client({
      region: place.region,
      ...(place.endpoint ? { endpoint: place.endpoint, forcePathStyle: true } : {}),
      // Not every server of the protocol knows AWS's newer checksums; ours is the address.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      requestHandler: { connectionTimeout: 5_000, socketTimeout: 60_000 },
    });
    try {
      await client.send(new HeadBucketCommand({ Bucket: place.bucket }));
    } catch (error) {
      client.destroy();
      const reason = (error as Error).message || (error as Error).name;
      throw new TesseraError('configuration', `The bucket of TESSERA_BLOBS_URL cannot be used: ${reason}`, {
        cause: error,
      });
    }
    const copies = await Copies.open(folder, maxBytes, (id, file) => store.fetch(id, file));
    const store: S3Blobs = new S3Blobs(client, place, copies);
    return store;
  }

  private object(id: string): { Bucket: string; Key: string } {
    return { Bucket: this.place.bucket, Key: this.place.prefix + checkId(id) };
  }

  /** The name is the hash, which is known at the end: bytes go to disk first, then to the bucket unless they are there. */
  async put(source: Source, options: PutOptions = {}): Promise<Blob> {
    const draft = this.copies.draft();
    const blob = await writeDraft(draft, source, options);
    try {
      await options.announce?.(blob.id);
      if (!(await this.has(blob.id))) await this.upload(blob.id, draft, options.signal);
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
    await this.copies.adopt(blob.id, draft, blob.size);
    return blob;
  }

  private async upload(id: string, file: string, signal: AbortSignal | undefined): Promise<void> {
    const upload = new Upload({ client: this.client, params: { ...this.object(id), Body: createReadStream(file) } });
    const abort = (): void => void upload.abort();
    signal?.addEventListener('abort', abort, { once: true });
    try {
      await upload.done();
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  /** For the copies. What comes has to be what it is called. */
  private async fetch(id: string, file: string): Promise<number> {
    const blob = await writeDraft(file, this.chunks(id));
    if (blob.id === id) return blob.size;
    await rm(file, { force: true });
    throw new TesseraError('internal', `The bucket gave other bytes than those of ${id}.`);
  }

  async local(id: string, signal?: AbortSignal): Promise<LocalBlob> {
    checkId(id);
    const acquired = this.copies.acquire(id);
    if (!signal) return acquired;
    let abort = (): void => undefined;
    const aborted = new Promise<never>((_, reject) => {
      abort = () => reject(new TesseraError('cancelled', 'The work was cancelled.', { cause: signal.reason }));
    });
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    try {
      return await Promise.race([acquired, aborted]);
    } catch (error) {
      // Others may wait for the same transfer; this one's share in it ends when it does.
      void acquired.then(
        (blob) => blob[Symbol.asyncDispose](),
        () => undefined,
      );
      throw error;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  async has(id: string): Promise<boolean> {
    return this.size(id).then(
      () => true,
      (error: unknown) => {
        if (error instanceof TesseraError && error.code === 'media_not_found') return false;
        throw error;
      },
    );
  }

  async size(id: string): Promise<number> {
    const { ContentLength } = await this.client.send(new HeadObjectCommand(this.object(id))).catch((error: unknown) => {
      throw missing(error) ? noBlob(id, error) : error;
    });
    return ContentLength ?? 0;
  }

  private async *chunks(id: string, range: { start?: number; end?: number } = {}): AsyncGenerator<Uint8Array> {
    const { start = 0, end = '' } = range;
    const Range = start === 0 && end === '' ? undefined : `bytes=${start}-${end}`;
    const { Body } = await this.client
      .send(new GetObjectCommand({ ...this.object(id), Range }))
      .catch((error: unknown) => {
        throw missing(error) ? noBlob(id, error) : error;
      });
    if (Body) yield* Body as Readable;
  }

  stream(id: string, range: { start?: number; end?: number } = {}): Readable {
    checkId(id);
    return Readable.from(this.chunks(id, range), { objectMode: false });
  }

  async get(id: string): Promise<Buffer> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of this.chunks(id)) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  async delete(id: string): Promise<void> {
    await this.client.send(new DeleteObjectCommand(this.object(id)));
    await this.copies.forget(id);
  }

  async close(): Promise<void> {
    this.client.destroy();
    await this.copies.close();
  }
}
