import { readFile } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import { TesseraError } from '#contracts';
import { archiveBlocks, unzip } from './archive.js';
import type { DocumentBlock } from './block.js';
import { htmlBlocks } from './html.js';
import { docxBlocks, pptxBlocks } from './office.js';
import { readPdf, tooMuchText } from './pdf.js';
import { OVER_MEMORY, ReaderRequest, type ReaderReply } from './reader-protocol.js';
import { decodeText } from '../sniff.js';
import { gunzip, untar } from './tar.js';
import { DOCUMENT_TYPES } from './text-type.js';
import type { Unpack, UnpackLimits } from './unpack.js';

type Content = Exclude<ReaderReply, { error: unknown }>;
type Read = (data: Uint8Array, request: ReaderRequest) => Content | Promise<Content>;

const content = (blocks: DocumentBlock[], warnings: string[] = []): Content => ({ blocks, scans: [], warnings });

const READERS: Record<string, Read> = {
  [DOCUMENT_TYPES.pdf]: async (data, { limits, folder, drawScans }) => {
    const { unread, ...found } = await readPdf(data, limits, drawScans ? folder : undefined);
    return { ...found, warnings: unread > 0 ? [`${unread} pages without a text layer were not read.`] : [] };
  },
  [DOCUMENT_TYPES.docx]: (data, { limits }) => content(docxBlocks(data, limits)),
  [DOCUMENT_TYPES.pptx]: (data, { limits }) => content(pptxBlocks(data, limits)),
  [DOCUMENT_TYPES.html]: (data) => content(htmlBlocks(decodeText(data) ?? '')),
  [DOCUMENT_TYPES.zip]: (data, { limits }) => archive(data, unzip, limits),
  [DOCUMENT_TYPES.tar]: (data, { limits }) => archive(data, untar, limits),
  [DOCUMENT_TYPES.targz]: (data, { limits }) => archive(gunzip(data, limits), untar, limits),
};

function archive(data: Uint8Array, unpack: Unpack, limits: UnpackLimits): Content {
  const { blocks, skipped } = archiveBlocks(data, unpack, limits);
  return content(blocks, skipped > 0 ? [`${skipped} files of the archive are not text and were left out.`] : []);
}

async function answer(request: ReaderRequest): Promise<ReaderReply> {
  const read = READERS[request.mimeType];
  if (!read) throw new Error(`no reader for ${request.mimeType}`);
  const found = await read(new Uint8Array(await readFile(request.file)), request);
  const characters = found.blocks.reduce((sum, block) => sum + block.text.length, 0);
  if (characters > request.limits.maxCharacters) throw tooMuchText(request.limits);
  return found;
}

/** A parser that swells holds the thread and no flag bounds memory outside the heap: another thread keeps watch. */
function watchMemory(bytes: number): void {
  const watch = `
    const { writeSync } = require('node:fs');
    setInterval(() => {
      if (process.memoryUsage.rss() < ${bytes}) return;
      writeSync(2, ${JSON.stringify(OVER_MEMORY)});
      process.kill(process.pid, 'SIGKILL');
    }, 20);`;
  new Worker(watch, { eval: true, execArgv: [] }).unref();
}

async function main(): Promise<void> {
  const input: Buffer[] = [];
  for await (const chunk of process.stdin) input.push(chunk as Buffer);
  const request = ReaderRequest.parse(JSON.parse(Buffer.concat(input).toString('utf8')));
  watchMemory(request.limits.maxMemoryBytes);
  const reply = await answer(request).catch((error: unknown): ReaderReply => {
    if (error instanceof TesseraError) return { error: { code: error.code, message: error.message } };
    throw error;
  });
  process.stdout.write(JSON.stringify(reply), () => process.exit(0));
}

await main();
