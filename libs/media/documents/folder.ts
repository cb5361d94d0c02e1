import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { TesseraError } from '#contracts';
import { isOfTools, isWritten } from './archive.js';
import { DEFAULT_DOCUMENT_LIMITS } from './block.js';
import { isNamedSource } from './text-type.js';

/**
 * Files below a folder by their paths in it, sorted. What is hidden, what tools wrote, and links are left out.
 * @throws TesseraError file_too_large with more files than an archive may have
 */
export async function filesIn(folder: string, { maxEntries } = DEFAULT_DOCUMENT_LIMITS): Promise<string[]> {
  const found: string[] = [];
  const look = async (path: string): Promise<void> => {
    for (const entry of await readdir(join(folder, path), { withFileTypes: true })) {
      const inside = path === '' ? entry.name : `${path}/${entry.name}`;
      if (entry.name.startsWith('.')) continue;
      if (entry.isDirectory() && !isOfTools(inside)) await look(inside);
      else if (entry.isFile()) found.push(inside);
      if (found.length > maxEntries)
        throw new TesseraError('file_too_large', `${folder} has more than ${maxEntries} files. Name a folder in it.`);
    }
  };
  await look('');
  return found.sort();
}

/** Files that go with other media too: a table of times beside photographs makes no program of them. */
const DATA = /\.(json|jsonl|csv|tsv|xml|ya?ml|log|ini|cfg|conf|properties|bib)$/i;

/** Whether a folder is one of source code, by the names of its files. */
export const holdsSource = (files: readonly string[]): boolean =>
  files.some((file) => isNamedSource(file) && !DATA.test(file));

/** Equal files make equal archives: ZIP's first day stands for all times. */
const DAY = new Date(1980, 0, 1);

/**
 * The text files of a folder as one ZIP file: a folder of source code is one medium, as an archive of it is.
 * @throws TesseraError unsupported_media without text, file_too_large
 */
export async function packFolder(
  folder: string,
  files: readonly string[],
  { maxUnpackedBytes } = DEFAULT_DOCUMENT_LIMITS,
): Promise<Uint8Array> {
  const entries: Record<string, Uint8Array> = {};
  let bytes = 0;
  for (const file of files) {
    const path = join(folder, file);
    const { size } = await stat(path);
    if (!isWritten(file, size)) continue;
    bytes += size;
    if (bytes > maxUnpackedBytes)
      throw new TesseraError(
        'file_too_large',
        `${folder} has more than ${maxUnpackedBytes >> 20} MiB of text. Name a folder in it.`,
      );
    entries[file] = await readFile(path);
  }
  if (bytes === 0) throw new TesseraError('unsupported_media', `${folder} holds no text.`);
  return zipSync(entries, { level: 1, mtime: DAY });
}
