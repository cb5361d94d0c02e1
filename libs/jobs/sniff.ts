import { SVG_HEAD, type MediaKind } from '#contracts';

/** How many bytes from the beginning of a file `sniff` wants to see: a drawing begins behind its prolog and the name of who made it. */
export const SNIFF_BYTES = 1024;

export interface Sniffed {
  kind: MediaKind | 'unknown';
  mimeType: string;
}

interface Signature {
  kind: MediaKind;
  mimeType: string;
  /** Text or bytes at an offset; all of them must be there. */
  marks: [offset: number, mark: string][];
}

const RIFF: [number, string] = [0, 'RIFF'];

/** First match wins. The forms are those of the formats' own specifications. */
const SIGNATURES: Signature[] = [
  { kind: 'image', mimeType: 'image/jpeg', marks: [[0, '\xff\xd8\xff']] },
  { kind: 'image', mimeType: 'image/png', marks: [[0, '\x89PNG\r\n\x1a\n']] },
  { kind: 'image', mimeType: 'image/gif', marks: [[0, 'GIF8']] },
  { kind: 'image', mimeType: 'image/webp', marks: [RIFF, [8, 'WEBP']] },
  {
    kind: 'image',
    mimeType: 'image/bmp',
    marks: [
      [0, 'BM'],
      [6, '\0\0\0\0'],
    ],
  },
  { kind: 'image', mimeType: 'image/tiff', marks: [[0, 'II*\0']] },
  { kind: 'image', mimeType: 'image/tiff', marks: [[0, 'MM\0*']] },
  { kind: 'image', mimeType: 'image/avif', marks: [[4, 'ftypavif']] },
  { kind: 'image', mimeType: 'image/heic', marks: [[4, 'ftyphei']] },
  { kind: 'image', mimeType: 'image/heic', marks: [[4, 'ftypmif1']] },
  { kind: 'image', mimeType: 'image/jxl', marks: [[0, '\xff\x0a']] },
  { kind: 'audio', mimeType: 'audio/wav', marks: [RIFF, [8, 'WAVE']] },
  {
    kind: 'audio',
    mimeType: 'audio/wav',
    marks: [
      [0, 'RF64'],
      [8, 'WAVE'],
    ],
  },
  { kind: 'audio', mimeType: 'audio/flac', marks: [[0, 'fLaC']] },
  { kind: 'audio', mimeType: 'audio/mpeg', marks: [[0, 'ID3']] },
  {
    kind: 'audio',
    mimeType: 'audio/aiff',
    marks: [
      [0, 'FORM'],
      [8, 'AIF'],
    ],
  },
  { kind: 'audio', mimeType: 'audio/amr', marks: [[0, '#!AMR']] },
  { kind: 'audio', mimeType: 'audio/x-caf', marks: [[0, 'caff']] },
  {
    kind: 'audio',
    mimeType: 'audio/ogg',
    marks: [
      [0, 'OggS'],
      [28, 'OpusHead'],
    ],
  },
  {
    kind: 'audio',
    mimeType: 'audio/ogg',
    marks: [
      [0, 'OggS'],
      [28, '\x01vorbis'],
    ],
  },
  {
    kind: 'audio',
    mimeType: 'audio/ogg',
    marks: [
      [0, 'OggS'],
      [28, '\x7fFLAC'],
    ],
  },
  {
    kind: 'audio',
    mimeType: 'audio/ogg',
    marks: [
      [0, 'OggS'],
      [28, 'Speex'],
    ],
  },
  { kind: 'video', mimeType: 'video/ogg', marks: [[0, 'OggS']] },
  { kind: 'audio', mimeType: 'audio/mp4', marks: [[4, 'ftypM4A']] },
  { kind: 'audio', mimeType: 'audio/mp4', marks: [[4, 'ftypM4B']] },
  { kind: 'video', mimeType: 'video/quicktime', marks: [[4, 'ftypqt']] },
  { kind: 'video', mimeType: 'video/mp4', marks: [[4, 'ftyp']] },
  { kind: 'video', mimeType: 'video/quicktime', marks: [[4, 'moov']] },
  {
    kind: 'video',
    mimeType: 'video/webm',
    marks: [
      [0, '\x1a\x45\xdf\xa3'],
      [24, 'webm'],
    ],
  },
  {
    kind: 'video',
    mimeType: 'video/webm',
    marks: [
      [0, '\x1a\x45\xdf\xa3'],
      [31, 'webm'],
    ],
  },
  { kind: 'video', mimeType: 'video/x-matroska', marks: [[0, '\x1a\x45\xdf\xa3']] },
  { kind: 'video', mimeType: 'video/x-msvideo', marks: [RIFF, [8, 'AVI ']] },
  { kind: 'video', mimeType: 'video/x-flv', marks: [[0, 'FLV\x01']] },
  { kind: 'video', mimeType: 'video/mpeg', marks: [[0, '\0\0\x01\xba']] },
  { kind: 'video', mimeType: 'video/mpeg', marks: [[0, '\0\0\x01\xb3']] },
  { kind: 'video', mimeType: 'video/x-ms-wmv', marks: [[0, '\x30\x26\xb2\x75\x8e\x66\xcf\x11']] },
  { kind: 'text', mimeType: 'application/pdf', marks: [[0, '%PDF-']] },
  // Office and e-book formats are zip archives.
  { kind: 'text', mimeType: 'application/zip', marks: [[0, 'PK\x03\x04']] },
];

/** MPEG audio without tags and ADTS begin with an 11-bit sync word and a layer. */
const isMpegAudioFrame = (bytes: Uint8Array) =>
  bytes[0] === 0xff && ((bytes[1] ?? 0) & 0xe0) === 0xe0 && bytes[1] !== 0xff;

// eslint-disable-next-line no-control-regex
const CONTROL = /[\x00-\x08\x0e-\x1a\x1c-\x1f]/;
const isText = (bytes: Uint8Array) => bytes.length > 0 && !CONTROL.test(Buffer.from(bytes).toString('latin1'));

/** Text of two bytes a character is marked by its order; the first mark looks like the sync word of MPEG. */
function isUtf16(bytes: Uint8Array): boolean {
  const [first, second] = bytes;
  const encoding = first === 0xff && second === 0xfe ? 'utf-16le' : first === 0xfe && second === 0xff ? 'utf-16be' : undefined; // prettier-ignore
  if (encoding === undefined) return false;
  try {
    // `stream` leaves out a character that the end of the head cuts in two.
    const text = new TextDecoder(encoding, { fatal: true }).decode(bytes, { stream: true });
    return !CONTROL.test(text);
  } catch {
    return false;
  }
}

/**
 * What a file seems to be, by its first bytes: enough to plan which jobs it needs. Probing decides what it is.
 * `head` holds up to SNIFF_BYTES bytes.
 */
export function sniff(head: Uint8Array): Sniffed {
  const has = ([offset, mark]: [number, string]) =>
    [...mark].every((char, i) => head[offset + i] === char.charCodeAt(0));
  const found = SIGNATURES.find(({ marks }) => marks.every(has));
  if (found) return { kind: found.kind, mimeType: found.mimeType };
  if (isUtf16(head)) return { kind: 'text', mimeType: 'text/plain' };
  if (isMpegAudioFrame(head)) return { kind: 'audio', mimeType: 'audio/mpeg' };
  if (isText(head) && SVG_HEAD.test(new TextDecoder().decode(head))) return { kind: 'image', mimeType: 'image/svg+xml' };
  if (isText(head)) return { kind: 'text', mimeType: 'text/plain' };
  return { kind: 'unknown', mimeType: 'application/octet-stream' };
}

const EXTENSIONS: Record<string, MediaKind> = Object.fromEntries(
  Object.entries({
    image: 'jpg jpeg png gif webp bmp tif tiff avif heic heif jxl svg',
    audio: 'wav flac mp3 m4a m4b aac ogg oga opus aiff aif amr caf wma',
    video: 'mp4 m4v mov mkv webm avi flv mpg mpeg wmv ogv ts 3gp',
    text: 'txt md srt vtt csv json',
  }).flatMap(([kind, names]) => names.split(' ').map((name) => [name, kind as MediaKind])),
);

/** A guess by name, for what cannot be looked into before it is fetched (a URL). */
export function guessKind(name: string): MediaKind | 'unknown' {
  const path = URL.canParse(name) ? new URL(name).pathname : name;
  return EXTENSIONS[path.slice(path.lastIndexOf('.') + 1).toLowerCase()] ?? 'unknown';
}
