import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { TesseraError, type MediaSource } from '#contracts';

/**
 * What the user typed, as the source of an ingest job. Throws when a file is not there or cannot be read as one.
 * @param packed the file that stands for it, where it was a folder
 */
export async function sourceOf(input: string, packed?: string): Promise<MediaSource> {
  if (packed !== undefined) return { type: 'file', path: packed, name: input };
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(input)) return { type: 'url', url: checkUrl(input), name: input };
  const path = resolve(input);
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EACCES')
      throw new TesseraError('forbidden', `${input} may not be read by this user.`, { param: input });
    throw new TesseraError('file_not_found', `There is no file ${input}. Check the path.`, { param: input });
  });
  if (found.isDirectory()) {
    throw new TesseraError('unsupported_media', `${input} is a folder. Name the files in it, for example ${input}/*.`, {
      param: input,
    });
  }
  return { type: 'file', path, name: input };
}

function checkUrl(input: string): string {
  if (!URL.canParse(input))
    throw new TesseraError('url_not_allowed', `${input} is not a URL that can be read.`, { param: input });
  return input;
}
