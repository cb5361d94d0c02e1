import { createHash } from 'node:crypto';
import { TesseraError, type InstalledPack, type ModelFile, type PackManifest } from '#contracts';
import type { HubOptions } from '../sources/download.js';
import { ModelStore } from '../sources/model-store.js';
import { findPack } from './manifests.js';

export interface PackOptions {
  /** Downloads live in `<cacheDir>/models`. */
  cacheDir: string;
  /** Where the user's own packs are. */
  dataDir?: string;
  /** Which hub `hf:` sources mean, and the token for gated files. */
  hub?: HubOptions;
  signal?: AbortSignal;
}

export interface PackProgress {
  file: string;
  /** Bytes. */
  received: number;
  total: number;
}

/**
 * Makes a pack ready: every file is where {@link InstalledPack.path} says, with the right hash. Files that are missing are
 * fetched; files that have not changed since they were last read cost one `stat`.
 * @throws TesseraError `model_not_found`, and what {@link ModelStore.ensure} throws
 */
export async function installPack(
  name: string,
  options: PackOptions & { onProgress?: (progress: PackProgress) => void; repair?: boolean },
): Promise<InstalledPack> {
  const { manifest, folder } = await findPack(name, options);
  const store = new ModelStore(options.cacheDir, options.hub);
  const paths = new Map<string, string>();
  try {
    for (const file of manifest.files) {
      const { name, bytes: total } = file;
      const onProgress = (received: number) => options.onProgress?.({ file: name, received, total });
      const { signal, repair } = options;
      paths.set(name, await store.ensure(file, folder, { signal, repair, onProgress }));
    }
  } finally {
    await store.saveStamps();
  }
  return {
    manifest,
    id: packId(manifest),
    path(name) {
      const path = paths.get(name);
      if (path === undefined)
        throw new TesseraError('model_missing', `The pack ${manifest.name} has no file "${name}".`);
      return path;
    },
  };
}

export interface VerifiedFile {
  file: string;
  path: string | undefined;
  state: 'ok' | 'missing' | 'wrong';
  expected: string;
  /** What the bytes hash to; absent when the file is missing. */
  got?: string;
}

/** Reads every byte of every file of a pack and compares hashes. Fetches nothing, repairs nothing. */
export async function verifyPack(
  name: string,
  options: PackOptions & { onFile?: (result: VerifiedFile) => void },
): Promise<VerifiedFile[]> {
  const { manifest, folder } = await findPack(name, options);
  const store = new ModelStore(options.cacheDir, options.hub);
  const results: VerifiedFile[] = [];
  for (const file of manifest.files) {
    const result = await verifyFile(store, file, folder, options.signal);
    options.onFile?.(result);
    results.push(result);
  }
  await store.saveStamps();
  return results;
}

async function verifyFile(
  store: ModelStore,
  { name, sha256: expected, ...rest }: ModelFile,
  folder: string,
  signal: AbortSignal | undefined,
): Promise<VerifiedFile> {
  const path = store.locate({ name, sha256: expected, ...rest }, folder);
  if (path === undefined) return { file: name, path, state: 'missing', expected };
  const got = await store.read(path, signal);
  return { file: name, path, state: got === expected ? 'ok' : 'wrong', expected, got };
}

/** sha-256 over the files' names and hashes, in the order of their names: changes exactly when some weight changes. */
export function packId({ files }: Pick<PackManifest, 'files'>): string {
  const lines = files.map(({ name, sha256 }) => `${sha256} ${name}\n`).sort();
  return createHash('sha256').update(lines.join('')).digest('hex');
}
