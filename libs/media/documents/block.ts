import type { Box } from '#contracts';

/** One piece of a document's text, with its place. Which places are set depends on the format. */
export interface DocumentBlock {
  text: string;
  /** Page or slide, from 1. */
  page?: number;
  /** First line of the text in its file, from 1. */
  line?: number;
  /** Where in the text the lines after the first begin, of a paragraph that was wrapped by hand. */
  lineStarts?: number[];
  /** Seconds, of a subtitle. */
  start?: number;
  end?: number;
  /** Path inside an archive. */
  file?: string;
  /** Where it stands on its page. */
  box?: Box;
}

export interface DocumentText {
  blocks: DocumentBlock[];
  /** What was left out, for people. */
  warnings: string[];
}

/** What a document may cost to read. A document that wants more is refused, never half believed. */
export interface DocumentLimits {
  /** Bytes of the file. */
  maxDocumentBytes: number;
  maxPages: number;
  /** Characters of text. */
  maxCharacters: number;
  /** Pages without a text layer that are read as pictures; further ones are left out with a warning. */
  maxScannedPages: number;
  /** Entries of an archive, and what they may unpack to. */
  maxEntries: number;
  maxUnpackedBytes: number;
  /** Unpacked bytes for each packed byte. */
  maxRatio: number;
  /** Resident memory of the process that reads. */
  maxMemoryBytes: number;
  /** Milliseconds for parsing, without reading scanned pages. */
  documentTimeoutMs: number;
}

export const DEFAULT_DOCUMENT_LIMITS: DocumentLimits = {
  maxDocumentBytes: 128 * 1024 ** 2,
  maxPages: 500,
  maxCharacters: 8_000_000,
  maxScannedPages: 40,
  maxEntries: 10_000,
  maxUnpackedBytes: 64 * 1024 ** 2,
  maxRatio: 200,
  maxMemoryBytes: 1024 ** 3,
  documentTimeoutMs: 60_000,
};
