import { z } from 'zod';
import { Box } from '#contracts';

/** What the reading process is asked, as JSON on its stdin. */
export const ReaderRequest = z.object({
  file: z.string(),
  mimeType: z.string(),
  /** Where pages without a text layer are drawn to. */
  folder: z.string(),
  drawScans: z.boolean(),
  limits: z.object({
    maxDocumentBytes: z.number(),
    maxPages: z.number(),
    maxCharacters: z.number(),
    maxScannedPages: z.number(),
    maxEntries: z.number(),
    maxUnpackedBytes: z.number(),
    maxRatio: z.number(),
    maxMemoryBytes: z.number(),
    documentTimeoutMs: z.number(),
  }),
});
export type ReaderRequest = z.infer<typeof ReaderRequest>;

const Block = z.object({
  text: z.string(),
  page: z.number().int().positive().optional(),
  line: z.number().int().positive().optional(),
  lineStarts: z.array(z.number().int().positive()).optional(),
  start: z.number().optional(),
  end: z.number().optional(),
  file: z.string().optional(),
  box: Box.optional(),
});

/** What it answers, as JSON on its stdout. */
export const ReaderReply = z.union([
  z.object({
    blocks: z.array(Block),
    scans: z.array(z.object({ page: z.number(), file: z.string(), width: z.number(), height: z.number() })).default([]),
    warnings: z.array(z.string()).default([]),
  }),
  z.object({ error: z.object({ code: z.string(), message: z.string() }) }),
]);
export type ReaderReply = z.infer<typeof ReaderReply>;

/** Last words on stderr of a reader that was over its memory. */
export const OVER_MEMORY = 'tessera: over the memory limit';
