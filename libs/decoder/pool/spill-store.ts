import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { readSpillFile, type SpillFormat, spillFileBytes, writeSpillFile } from './spill-file.js';

const SUFFIX = '.kv';
const TEMPORARY = '.tmp';

export interface SpillOptions {
  dir: string;
  /** Bound on the folder's size; the least recently used files go first. */
  maxBytes: number;
  format: SpillFormat;
  /** Told about files that were damaged or could not be written; such a run is prefilled again. */
  warn?: (message: string) => void;
}

/**
 * Page runs on disk, one file each, named by content address. The index is rebuilt from the folder, so what was
 * computed before a restart is found after it. A file that fails its checksum is deleted and counts as absent.
 *
 * @example
 * const spill = await SpillStore.open({ dir, maxBytes: 20e9, format });
 * await spill.write(address, tokens, pages);
 * if (spill.has(address) && (await spill.read(address, tokens, pages))) ...
 */
export class SpillStore {
  /** Bytes by address, from least to most recently used. */
  readonly #files = new Map<string, number>();
  readonly #writing = new Map<string, Promise<boolean>>();
  #bytes = 0;

  private constructor(private readonly options: SpillOptions) {}

  static async open(options: SpillOptions): Promise<SpillStore> {
    const store = new SpillStore(options);
    await mkdir(options.dir, { recursive: true });
    const found: { address: string; bytes: number; used: number }[] = [];
    for (const name of await readdir(options.dir)) {
      if (name.endsWith(TEMPORARY)) await rm(join(options.dir, name), { force: true });
      if (!name.endsWith(SUFFIX)) continue;
      const { size, mtimeMs } = await stat(join(options.dir, name));
      found.push({ address: name.slice(0, -SUFFIX.length), bytes: size, used: mtimeMs });
    }
    found.sort((a, b) => a.used - b.used);
    for (const { address, bytes } of found) store.#add(address, bytes);
    await store.#makeRoom(0);
    return store;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#files.size;
  }

  has(address: string): boolean {
    return this.#files.has(address);
  }

  /** @returns false when it was not kept: too large for the bound, or the disk refused (never throws for that). */
  write(address: string, tokens: number, pages: Uint8Array): Promise<boolean> {
    if (this.#files.has(address)) return Promise.resolve(true);
    const running = this.#writing.get(address);
    if (running) return running;
    const writing = this.#write(address, tokens, pages).finally(() => this.#writing.delete(address));
    this.#writing.set(address, writing);
    return writing;
  }

  /** @returns false when there is no such file or it is damaged; `pages` then hold garbage. */
  async read(address: string, tokens: number, pages: Uint8Array): Promise<boolean> {
    const bytes = this.#files.get(address);
    if (bytes === undefined) return false;
    const file = this.#path(address);
    try {
      if (await readSpillFile(file, this.options.format, tokens, pages)) {
        if (this.#files.delete(address)) this.#files.set(address, bytes);
        const now = new Date();
        await utimes(file, now, now).catch(() => undefined); // Its age only orders eviction after a restart.
        return true;
      }
      this.options.warn?.(`KV file ${file} is damaged or of another format; it is deleted and computed again.`);
    } catch (error) {
      this.options.warn?.(`KV file ${file} cannot be read (${reason(error)}); it is computed again.`);
    }
    await this.delete(address);
    return false;
  }

  async delete(address: string): Promise<void> {
    this.#remove(address);
    await rm(this.#path(address), { force: true }).catch(() => undefined);
  }

  async #write(address: string, tokens: number, pages: Uint8Array): Promise<boolean> {
    const bytes = spillFileBytes(pages.byteLength);
    if (bytes > this.options.maxBytes) return false;
    const file = this.#path(address);
    try {
      await this.#makeRoom(bytes);
      await writeSpillFile(file, `${file}.${randomUUID()}${TEMPORARY}`, this.options.format, tokens, pages);
      this.#add(address, bytes);
      return true;
    } catch (error) {
      this.options.warn?.(`KV file ${file} cannot be written (${reason(error)}); it is not kept across restarts.`);
      return false;
    }
  }

  async #makeRoom(bytes: number): Promise<void> {
    while (this.#bytes + bytes > this.options.maxBytes) {
      const oldest = this.#files.keys().next().value;
      if (oldest === undefined) return;
      await this.delete(oldest);
    }
  }

  #add(address: string, bytes: number): void {
    this.#remove(address);
    this.#files.set(address, bytes);
    this.#bytes += bytes;
  }

  #remove(address: string): void {
    this.#bytes -= this.#files.get(address) ?? 0;
    this.#files.delete(address);
  }

  #path(address: string): string {
    return join(this.options.dir, address + SUFFIX);
  }
}

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));
