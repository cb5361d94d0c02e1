import { unzipSync, type UnzipFileInfo } from 'fflate';
import { TesseraError } from '#contracts';
import type { DocumentBlock } from './block.js';
import { decodeText } from '../sniff.js';
import { markdownBlocks } from './markdown.js';
import { sourceBlocks } from './plain.js';
import { DOCUMENT_TYPES, namedTextType } from './text-type.js';
import { tooLarge, type Unpack, type UnpackLimits, type Wanted } from './unpack.js';

/** Packed smaller than this, a ratio says nothing. */
const RATIO_FROM_BYTES = 64 * 1024;

/**
 * Unpacks the wanted entries of a ZIP file in memory, each into a buffer of its declared size, which the limits bound.
 * @throws TesseraError corrupt_media, file_too_large
 */
export function unzip(data: Uint8Array, wanted: Wanted, limits: UnpackLimits): Map<string, Uint8Array> {
  let entries = 0;
  let bytes = 0;
  const filter = (entry: UnzipFileInfo): boolean => {
    if (++entries > limits.maxEntries) throw tooLarge(`more than ${limits.maxEntries} entries`);
    if (!wanted(entry.name, entry.originalSize)) return false;
    if (entry.size > data.length) throw new Error('an entry is larger than its archive');
    bytes += entry.originalSize;
    if (bytes > limits.maxUnpackedBytes) throw tooLarge(`more than ${limits.maxUnpackedBytes >> 20} MiB unpacked`);
    if (entry.originalSize > RATIO_FROM_BYTES && entry.originalSize > limits.maxRatio * entry.size)
      throw tooLarge(`an entry that unpacks to more than ${limits.maxRatio} times its size`);
    return true;
  };
  try {
    return new Map(Object.entries(unzipSync(data, { filter })));
  } catch (error) {
    if (error instanceof TesseraError) throw error;
    throw new TesseraError('corrupt_media', 'The archive is damaged and cannot be unpacked.', { cause: error });
  }
}

/** Names of the entries; nothing is unpacked. */
export function zipNames(data: Uint8Array, limits: UnpackLimits): string[] {
  const names: string[] = [];
  unzip(
    data,
    (name) => {
      names.push(name);
      return false;
    },
    limits,
  );
  return names;
}

/** What a ZIP file is by its entries: an office document, an archive of files, or what is not read. */
export function zipType(names: string[]): { type: string } | { refused: string } {
  const has = new Set(names);
  if (has.has('word/document.xml')) return { type: DOCUMENT_TYPES.docx };
  if (has.has('ppt/presentation.xml')) return { type: DOCUMENT_TYPES.pptx };
  if (has.has('xl/workbook.xml')) return { refused: 'a spreadsheet (save it as CSV)' };
  if (has.has('[Content_Types].xml')) return { refused: 'an office document of a kind that is not known' };
  if (has.has('mimetype') && has.has('META-INF/container.xml')) return { refused: 'an EPUB book' };
  if (has.has('mimetype') && has.has('content.xml'))
    return { refused: 'an OpenDocument file (save it as DOCX or PDF)' };
  if (has.has('META-INF/MANIFEST.MF') || has.has('AndroidManifest.xml')) return { refused: 'a program' };
  return { type: DOCUMENT_TYPES.zip };
}

/** Folders that hold what tools wrote, not what people did. */
const SKIPPED = /(^|\/)(node_modules|\.git|\.svn|\.hg|__pycache__|\.venv|venv|dist|build|target|vendor|__MACOSX)\//;
const LOCK = /(^|\/)(package-lock\.json|yarn\.lock|pnpm-lock\.yaml|Cargo\.lock|poetry\.lock|go\.sum|\.DS_Store)$/;
const BINARY =
  /\.(png|jpe?g|gif|webp|ico|pdf|zip|gz|jar|class|o|so|dll|exe|wasm|woff2?|ttf|otf|mp[34]|onnx|bin|min\.js|map)$/i;
const MAX_SOURCE_BYTES = 2 * 1024 ** 2;

/** Whether a file of an archive or folder, by its path in it, may be text that people wrote. */
export const isWritten = (path: string, bytes: number): boolean =>
  !SKIPPED.test(path) && !LOCK.test(path) && !BINARY.test(path) && bytes > 0 && bytes <= MAX_SOURCE_BYTES;

/** Whether a folder of an archive or folder, by its path in it, holds what tools wrote. */
export const isOfTools = (path: string): boolean => SKIPPED.test(`${path}/`);

/** Every text file of an archive, in the order of their paths, line by line. */
export function archiveBlocks(
  data: Uint8Array,
  unpack: Unpack,
  limits: UnpackLimits,
): { blocks: DocumentBlock[]; skipped: number } {
  let skipped = 0;
  const wanted = (name: string, bytes: number): boolean => {
    if (name.endsWith('/')) return false;
    const take = isWritten(name, bytes);
    if (!take) skipped++;
    return take;
  };
  const files = [...unpack(data, wanted, limits)].sort(([a], [b]) => (a < b ? -1 : 1));
  const blocks = files.flatMap(([file, bytes]) => {
    const text = decodeText(bytes);
    if (text === undefined) {
      skipped++;
      return [];
    }
    const markdown = namedTextType(file, DOCUMENT_TYPES.plain) === DOCUMENT_TYPES.markdown;
    return markdown ? markdownBlocks(text).map((block) => ({ ...block, file })) : sourceBlocks(text, file);
  });
  if (blocks.length === 0)
    throw new TesseraError(
      'unsupported_media',
      'The archive holds no text: only text and source code are read from one.',
    );
  return { blocks, skipped };
}
