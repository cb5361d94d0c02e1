import { readFile, rename, stat, writeFile } from 'node:fs/promises';

interface Stamp {
  size: number;
  mtimeMs: number;
  sha256: string;
}

/**
 * Remembers which file had which hash when it was last read, so that a warm start costs one `stat` a file. A file
 * that changed in size or time is read again; `verifyPack` never asks here.
 */
export class Stamps {
  private stamps: Record<string, Stamp> | undefined;
  private changed = false;

  constructor(private readonly file: string) {}

  /** The recorded hash of an unchanged file, or undefined. */
  async hashOf(path: string): Promise<string | undefined> {
    const stamp = (await this.load())[path];
    if (!stamp) return undefined;
    const { size, mtimeMs } = await stat(path);
    return stamp.size === size && stamp.mtimeMs === mtimeMs ? stamp.sha256 : undefined;
  }

  async record(path: string, sha256: string): Promise<void> {
    const { size, mtimeMs } = await stat(path);
    (await this.load())[path] = { size, mtimeMs, sha256 };
    this.changed = true;
  }

  /** Two processes that save at once lose stamps at worst, which costs a hash; where nothing can be written, likewise. */
  async save(): Promise<void> {
    if (!this.changed) return;
    const draft = `${this.file}.${process.pid}`;
    await writeFile(draft, JSON.stringify(this.stamps))
      .then(() => rename(draft, this.file))
      .catch(() => undefined);
    this.changed = false;
  }

  private async load(): Promise<Record<string, Stamp>> {
    this.stamps ??= await readFile(this.file, 'utf8')
      .then((text) => JSON.parse(text) as Record<string, Stamp>)
      .catch(() => ({}));
    return this.stamps;
  }
}
