import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeOwnFolder, sweepOwnFolders } from '#platform';
import type { LocalBlob } from './blobs.js';

interface Copy {
  /** Resolves to its size when the file is whole. */
  ready: Promise<number>;
  bytes: number;
  users: number;
}

/** Writes a blob to a new file and returns its size. */
export type Fetch = (id: string, file: string) => Promise<number>;

/**
 * Files on this machine of blobs that are elsewhere, in a folder of this process alone. What is in use stays; of the rest the most
 * recently used stay, up to `maxBytes`.
 */
export class Copies {
  /** In the order of their use, the latest last. */
  private readonly copies = new Map<string, Copy>();

  private constructor(
    private readonly folder: string,
    private readonly maxBytes: number,
    private readonly fetch: Fetch,
  ) {}

  /** Folders of processes that died are removed. */
  static async open(parent: string, maxBytes: number, fetch: Fetch): Promise<Copies> {
    await mkdir(parent, { recursive: true, mode: 0o700 });
    await sweepOwnFolders(parent);
    return new Copies(await makeOwnFolder(parent), maxBytes, fetch);
  }

  /** A path for a file that is on its way to becoming a copy. */
  draft(): string {
    return join(this.folder, `draft-${randomUUID()}`);
  }

  /** Takes a finished draft, which saves fetching what was just put. */
  async adopt(id: string, draft: string, bytes: number): Promise<void> {
    if (this.copies.has(id)) return rm(draft, { force: true });
    const ready = rename(draft, this.path(id)).then(() => bytes);
    this.copies.set(id, { ready, bytes, users: 0 });
    await ready;
    await this.trim();
  }

  /** Many who want the same blob at once wait for one transfer. */
  async acquire(id: string): Promise<LocalBlob> {
    const copy = this.copies.get(id) ?? this.begin(id);
    copy.users++;
    this.copies.delete(id);
    this.copies.set(id, copy);
    try {
      copy.bytes = await copy.ready;
    } catch (error) {
      copy.users--;
      if (this.copies.get(id) === copy) this.copies.delete(id);
      throw error;
    }
    const release = async (): Promise<void> => {
      copy.users--;
      await this.trim();
    };
    return { path: this.path(id), [Symbol.asyncDispose]: release };
  }

  private begin(id: string): Copy {
    const draft = this.draft();
    const ready = this.fetch(id, draft).then(async (bytes) => {
      await rename(draft, this.path(id));
      return bytes;
    });
    return { ready, bytes: 0, users: 0 };
  }

  /** Forgets a blob that was deleted; whoever reads it now may end. */
  async forget(id: string): Promise<void> {
    if (this.copies.get(id)?.users !== 0) return;
    this.copies.delete(id);
    await rm(this.path(id), { force: true });
  }

  private async trim(): Promise<void> {
    let total = [...this.copies.values()].reduce((sum, { bytes }) => sum + bytes, 0);
    for (const [id, { users, bytes }] of this.copies) {
      if (total <= this.maxBytes) return;
      if (users > 0) continue;
      total -= bytes;
      await this.forget(id);
    }
  }

  private path(id: string): string {
    return join(this.folder, id);
  }

  async close(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}
