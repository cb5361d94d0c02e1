import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access, link, mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Blob, Blobs, LocalBlob, PutOptions, Source } from './blobs.js';
import { checkId, noBlob, writeDraft } from './draft.js';

const ABANDONED_AFTER_MS = 24 * 3600 * 1000;

/** Content-addressed files in a folder. */
export class FolderBlobs implements Blobs {
  private constructor(private readonly folder: string) {}

  static async open(folder: string): Promise<FolderBlobs> {
    const incoming = join(folder, 'incoming');
    await mkdir(incoming, { recursive: true, mode: 0o700 });
    for (const name of await readdir(incoming)) {
      const file = join(incoming, name);
      // A link has the age of its blob by what was written, and its own by what was changed.
      const age = Date.now() - (await stat(file).catch(() => ({ ctimeMs: Date.now() }))).ctimeMs;
      if (age > ABANDONED_AFTER_MS) await rm(file, { force: true });
    }
    return new FolderBlobs(folder);
  }

  /** Streams bytes to disk, hashes them on the way, and moves them to their address in one step. */
  async put(source: Source, options: PutOptions = {}): Promise<Blob> {
    const draft = join(this.folder, 'incoming', randomUUID());
    const blob = await writeDraft(draft, source, options);
    const file = this.path(blob.id);
    try {
      await options.announce?.(blob.id);
      await mkdir(dirname(file), { recursive: true, mode: 0o700 });
      await rename(draft, file);
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
    return blob;
  }

  /** Where the blob is, or would be. */
  path(id: string): string {
    return join(this.folder, checkId(id).slice(0, 2), id.slice(2, 4), id);
  }

  /** A link to the file: whoever deletes the blob, in this process or another, does not take it from its readers. */
  async local(id: string): Promise<LocalBlob> {
    const [file, held] = [this.path(id), join(this.folder, 'incoming', randomUUID())];
    try {
      await link(file, held);
    } catch (error) {
      if (!(await this.has(id))) throw noBlob(id, error);
      // A file system without links.
      return { path: file, [Symbol.asyncDispose]: () => Promise.resolve() };
    }
    return { path: held, [Symbol.asyncDispose]: () => rm(held, { force: true }) };
  }

  has(id: string): Promise<boolean> {
    const path = this.path(id);
    return access(path).then(
      () => true,
      () => false,
    );
  }

  async size(id: string): Promise<number> {
    return (await stat(this.path(id))).size;
  }

  stream(id: string, range: { start?: number; end?: number } = {}): Readable {
    return createReadStream(this.path(id), range);
  }

  async get(id: string): Promise<Buffer> {
    return readFile(this.path(id)).catch((error: unknown) => {
      throw noBlob(id, error);
    });
  }

  async delete(id: string): Promise<void> {
    await rm(this.path(id), { force: true });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
