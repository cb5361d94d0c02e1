import { SVG_HEAD, type MediaKind } from '#contracts';
import { DOCUMENT_TYPES, textType } from './documents/text-type.js';

/** What the first bytes say. `av` goes to ffprobe, which knows the rest; `refused` is known and not read. */
export type Sniffed =
  | { type: 'image'; mimeType: string }
  | { type: 'text'; mimeType: string }
  | { type: 'refused'; what: string }
  | { type: 'av' };

/** Bytes that `sniff` wants to see. */
export const SNIFF_BYTES = 64 * 1024;

interface Signature {
  at: number;
  bytes: string;
  found: Sniffed;
}

const image = (mimeType: string): Sniffed => ({ type: 'image', mimeType });
const document = (mimeType: string): Sniffed => ({ type: 'text', mimeType });
const refused = (what: string): Sniffed => ({ type: 'refused', what });

const SIGNATURES: Signature[] = [
  { at: 0, bytes: '\xff\xd8\xff', found: image('image/jpeg') },
  { at: 0, bytes: '\x89PNG\r\n\x1a\n', found: image('image/png') },
  { at: 0, bytes: 'GIF87a', found: image('image/gif') },
  { at: 0, bytes: 'GIF89a', found: image('image/gif') },
  { at: 8, bytes: 'WEBP', found: image('image/webp') },
  { at: 4, bytes: 'ftypavif', found: image('image/avif') },
  { at: 4, bytes: 'ftypavis', found: image('image/avif') },
  { at: 0, bytes: 'II*\0', found: image('image/tiff') },
  { at: 0, bytes: 'MM\0*', found: image('image/tiff') },
  { at: 4, bytes: 'ftyphei', found: image('image/heic') },
  { at: 4, bytes: 'ftypmif1', found: image('image/heif') },
  { at: 0, bytes: '%PDF-', found: document(DOCUMENT_TYPES.pdf) },
  { at: 0, bytes: 'PK\x03\x04', found: document(DOCUMENT_TYPES.zip) },
  {
    at: 0,
    bytes: '\xd0\xcf\x11\xe0',
    found: refused('an office document of before 2007 or one with a password (save it as DOCX or PDF)'),
  },
  { at: 0, bytes: '\x1f\x8b', found: document(DOCUMENT_TYPES.targz) },
  { at: 257, bytes: 'ustar', found: document(DOCUMENT_TYPES.tar) },
  { at: 0, bytes: '\x7fELF', found: refused('a program') },
  { at: 0, bytes: 'MZ', found: refused('a program') },
];

/** Lists of other files: ffmpeg would follow them, so they never reach it. */
const PLAYLIST = /^\s*(#EXTM3U|ffconcat version|\[playlist\]|<\?xml[^>]*>\s*<(MPD|smil|ASX)|<(MPD|smil|ASX)\b)/i;

const NAMED: { kind: Exclude<MediaKind, 'text'>; extensions: RegExp }[] = [
  { kind: 'image', extensions: /\.(jpe?g|png|gif|webp|avif|tiff?|bmp|heic|heif)$/i },
  { kind: 'audio', extensions: /\.(mp3|wav|flac|ogg|oga|opus|m4a|aac|wma|aiff?|amr)$/i },
  { kind: 'video', extensions: /\.(mp4|m4v|mov|mkv|webm|avi|mpe?g|ts|wmv|flv|3gp)$/i },
];

/** The kind of medium that a file's name promises: what it is, its content tells. */
export function promisedKind(name: string): MediaKind | undefined {
  return NAMED.find((entry) => entry.extensions.test(name))?.kind;
}

/** Tells pictures and text from everything else by content. `head` is the file's first SNIFF_BYTES bytes. */
export function sniff(head: Uint8Array): Sniffed {
  const latin = Buffer.from(head.buffer, head.byteOffset, head.byteLength).toString('latin1');
  if (PLAYLIST.test(latin)) return refused('a list of other files (playlist)');
  for (const { at, bytes, found } of SIGNATURES) if (latin.startsWith(bytes, at)) return found;
  const text = decodeText(head);
  if (text === undefined) return { type: 'av' };
  if (SVG_HEAD.test(text)) return image('image/svg+xml');
  return { type: 'text', mimeType: textType(text) };
}

/** Width and height that a PNG's header declares, before any decoder sees it; undefined for other files. */
export function pngSize(head: Uint8Array): { width: number; height: number } | undefined {
  const view = Buffer.from(head.buffer, head.byteOffset, head.byteLength);
  if (view.length < 24 || !view.subarray(0, 4).equals(Buffer.from('\x89PNG', 'latin1'))) return undefined;
  return { width: view.readUInt32BE(16), height: view.readUInt32BE(20) };
}

/** UTF-8 or marked UTF-16 without control characters; undefined when the bytes are not text. */
export function decodeText(bytes: Uint8Array): string | undefined {
  const encoding =
    bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : bytes[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : 'utf-8';
  try {
    // `stream` leaves out a character that the end of the sample cuts in two.
    const text = new TextDecoder(encoding, { fatal: true }).decode(bytes, { stream: true });
    // eslint-disable-next-line no-control-regex
    return /[\x00-\x08\x0e-\x1a\x1c-\x1f]/.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}
