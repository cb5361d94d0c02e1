import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { ERRORS, TesseraError, type ErrorCode } from '#contracts';
import { makeTempFolder } from '#platform';
import { moduleProgram } from '#runtime';
import { runProgram } from '../ffmpeg.js';
import { readText } from '../text.js';
import { DEFAULT_DOCUMENT_LIMITS, type DocumentBlock, type DocumentLimits, type DocumentText } from './block.js';
import type { TextRecognizer } from './ocr/text-recognizer.js';
import { markdownBlocks } from './markdown.js';
import { proseBlocks, sourceBlocks } from './plain.js';
import { OVER_MEMORY, ReaderReply, type ReaderRequest } from './reader-protocol.js';
import { fullerPages, scannedBlocks } from './scans.js';
import { subtitleBlocks } from './subtitles.js';
import { DOCUMENT_TYPES } from './text-type.js';

export interface DocumentOptions {
  /** What `probe` said about the file. */
  facts: { mimeType: string; bytes: number };
  /** What the user calls the file, for messages. */
  name: string;
  /** Reads pages without a text layer; they are left out without one. */
  recognizer?: TextRecognizer;
  limits?: Partial<DocumentLimits>;
  signal?: AbortSignal;
}

/** Formats so plain that reading them can do no harm. */
const PLAIN: Record<string, (text: string) => DocumentBlock[]> = {
  [DOCUMENT_TYPES.plain]: proseBlocks,
  [DOCUMENT_TYPES.markdown]: markdownBlocks,
  [DOCUMENT_TYPES.source]: (text) => sourceBlocks(text),
  [DOCUMENT_TYPES.vtt]: subtitleBlocks,
  [DOCUMENT_TYPES.srt]: subtitleBlocks,
};

/**
 * A document as text with places: pages of PDF, DOCX and PPTX, times of subtitles, line numbers of text and source code,
 * files of an archive. Everything that needs a parser is parsed in a process of its own, bounded in time and memory.
 * @throws TesseraError file_too_large, media_too_long, encrypted_media, corrupt_media, unsupported_media, cancelled
 */
export async function readDocument(file: string, options: DocumentOptions): Promise<DocumentText> {
  const { facts, name, signal } = options;
  const limits = { ...DEFAULT_DOCUMENT_LIMITS, ...options.limits };
  if (facts.bytes > limits.maxDocumentBytes)
    throw new TesseraError(
      'file_too_large',
      `${name} is a document of ${facts.bytes} bytes; the limit is ${limits.maxDocumentBytes}.`,
    );
  const plain = PLAIN[facts.mimeType];
  const found = plain
    ? { blocks: plain(await readText(file, { ...(signal ? { signal } : {}) })), warnings: [] }
    : await readApart(file, options, limits);
  if (found.blocks.length === 0) throw new TesseraError('corrupt_media', `${name} holds no text that can be read.`);
  return found;
}

async function readApart(file: string, options: DocumentOptions, limits: DocumentLimits): Promise<DocumentText> {
  const { facts, recognizer, signal } = options;
  const folder = await makeTempFolder('document');
  try {
    const request = {
      file: resolve(file),
      mimeType: facts.mimeType,
      folder,
      drawScans: recognizer !== undefined,
      limits,
    };
    const { blocks, scans, warnings } = await ask(request, options);
    if (!recognizer || scans.length === 0) return { blocks, warnings };
    const scanned = await scannedBlocks(scans, recognizer, signal);
    return { blocks: fullerPages(blocks, scanned), warnings };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** JavaScript's heap gets half of the memory: pictures and fonts lie outside it. With less than the floor nothing starts. */
const heapMegabytes = (memory: number): number => Math.max(128, Math.ceil(memory / 2 / 2 ** 20));

async function ask(request: ReaderRequest, { name, signal }: DocumentOptions) {
  const { documentTimeoutMs, maxMemoryBytes, maxCharacters } = request.limits;
  const program = moduleProgram(new URL('./reader-process.js', import.meta.url));
  const output = await runProgram(
    process.execPath,
    [`--max-old-space-size=${heapMegabytes(maxMemoryBytes)}`, ...program],
    {
      stdin: JSON.stringify(request),
      // Nothing of this process's environment is needed, and nothing of it is given away.
      env: {},
      timeoutMs: documentTimeoutMs,
      maxOutputBytes: 16 * maxCharacters,
      allowFailure: true,
      signal,
    },
  ).catch((error: unknown) => {
    if (!(error instanceof TesseraError && error.code === 'timeout')) throw error;
    const message = `${name} could not be read within ${documentTimeoutMs / 1000} s. Send a simpler or shorter copy.`;
    throw new TesseraError('corrupt_media', message, { cause: error });
  });
  if (output.code !== 0) throw died(name, output.stderr);
  const reply = ReaderReply.parse(JSON.parse(output.stdout.toString('utf8')));
  if (!('error' in reply)) return reply;
  const { code, message } = reply.error;
  throw new TesseraError(code in ERRORS ? (code as ErrorCode) : 'corrupt_media', `${name}: ${message}`);
}

function died(name: string, stderr: string): TesseraError {
  const memory = stderr.includes(OVER_MEMORY) || /heap out of memory/.test(stderr);
  return new TesseraError(
    'corrupt_media',
    memory
      ? `${name} needs too much memory to be read. Send a simpler or shorter copy.`
      : `${name} is damaged and cannot be read.`,
    { cause: new Error(stderr) },
  );
}
