import { readFile } from 'node:fs/promises';
import { TesseraError } from '#contracts';
import { decodeText } from './sniff.js';

/** A text file as a string without its byte order mark. @throws TesseraError unsupported_media when it is not text */
export async function readText(file: string, options: { signal?: AbortSignal } = {}): Promise<string> {
  const text = decodeText(await readFile(file, options));
  if (text === undefined) throw new TesseraError('unsupported_media', 'The file is not UTF-8 or UTF-16 text.');
  return text;
}
