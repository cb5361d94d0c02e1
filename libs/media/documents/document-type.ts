import { readFile } from 'node:fs/promises';
import { TesseraError } from '#contracts';
import { zipNames, zipType } from './archive.js';
import { DEFAULT_DOCUMENT_LIMITS } from './block.js';
import { isTarGz } from './tar.js';
import { DOCUMENT_TYPES, namedTextType } from './text-type.js';

/**
 * The type of what begins like a text or document: a ZIP file by its list of entries, a gzip file by what is in it, text also by its name.
 * @throws TesseraError unsupported_media, corrupt_media, file_too_large
 */
export async function documentType(file: string, name: string, type: string, bytes: number): Promise<string> {
  if (type === DOCUMENT_TYPES.targz && !(await isTarGz(file)))
    throw new TesseraError('unsupported_media', `${name} is packed with gzip and no archive of files, which is not read.`); // prettier-ignore
  if (type !== DOCUMENT_TYPES.zip) return namedTextType(name, type);
  const { maxDocumentBytes } = DEFAULT_DOCUMENT_LIMITS;
  if (bytes > maxDocumentBytes)
    throw new TesseraError(
      'file_too_large',
      `${name} has ${bytes} bytes; the limit for archives is ${maxDocumentBytes}.`,
    );
  const found = zipType(zipNames(await readFile(file), DEFAULT_DOCUMENT_LIMITS));
  if ('type' in found) return found.type;
  throw new TesseraError('unsupported_media', `${name} is ${found.refused}, which is not read.`);
}
