import { TesseraError } from '#contracts';

const CODES = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT', 'ENOTDIR']);

/** Whether the disk refused: no other source and no second attempt helps. Of a connection, `fetch` has such a code in its cause. */
export function isStorageFailure(error: unknown): boolean {
  return CODES.has((error as NodeJS.ErrnoException).code ?? '');
}

/** What to tell the user about an error of this kind; undefined for another. */
export function storageFailure(error: unknown, folder: string): TesseraError | undefined {
  if (!isStorageFailure(error)) return undefined;
  const { code } = error as NodeJS.ErrnoException;
  return new TesseraError(
    'configuration',
    `Model files cannot be written to ${folder} (${code}). Free space there, or set TESSERA_CACHE_DIR to another folder.`,
    { cause: error },
  );
}
