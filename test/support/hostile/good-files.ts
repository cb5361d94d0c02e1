import { readFileSync } from 'node:fs';
import { strToU8, zipSync, type Zippable } from 'fflate';
import sharp from 'sharp';
import { ffmpeg, type mediaFolder } from '../media.js';
import { pdf } from '../pdf.js';

export const zip = (entries: Record<string, string | Uint8Array>): Uint8Array =>
  zipSync(
    Object.fromEntries(
      Object.entries(entries).map(([name, data]) => [name, typeof data === 'string' ? strToU8(data) : data]),
    ) as Zippable,
  );

const WORD = 'http://schemas.openxmlformats.org/wordprocessingml/2006/main';

/** A DOCX whose document part is `body`, with whatever stands before the root element. */
export const docx = (body: string, prolog = '', more: Record<string, string | Uint8Array> = {}): Uint8Array =>
  zip({
    '[Content_Types].xml': '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
    'word/document.xml': `<?xml version="1.0"?>${prolog}<w:document xmlns:w="${WORD}"><w:body>${body}</w:body></w:document>`,
    ...more,
  });

export const paragraph = (text: string): string => `<w:p><w:r><w:t>${text}</w:t></w:r></w:p>`;

/** A small sound file of each kind that is read: options of ffmpeg by extension. */
const SOUND: Record<string, string[]> = {
  wav: [], mp3: [], flac: [], m4a: [], aac: [], opus: ['-ar', '48000'], aiff: [], au: [],
}; // prettier-ignore
const FILM: Record<string, string[]> = {
  mp4: ['-c:v', 'libx264'], mov: ['-c:v', 'libx264'], mkv: ['-c:v', 'libx264'], webm: ['-c:v', 'libvpx', '-c:a', 'libopus', '-ar', '48000'],
  avi: ['-c:v', 'mpeg4'], ts: ['-c:v', 'libx264'], flv: ['-c:v', 'flv', '-ar', '44100'],
}; // prettier-ignore

/** One small, right file of every format, by name. */
export async function goodFiles(folder: ReturnType<typeof mediaFolder>): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  const picture = sharp({ create: { width: 96, height: 64, channels: 3, background: '#3878b8', noise: { type: 'gaussian', mean: 120, sigma: 40 } } }); // prettier-ignore
  for (const format of ['png', 'jpeg', 'gif', 'webp', 'avif', 'tiff'] as const)
    files.set(`picture.${format}`, await picture.clone().toFormat(format).toBuffer());
  const make = (name: string, ...args: string[]) => {
    ffmpeg(...args, folder.file(name));
    files.set(name, readFileSync(folder.file(name)));
  };
  const sound = ['-f', 'lavfi', '-i', 'sine=frequency=300:duration=1:sample_rate=16000'];
  for (const [extension, options] of Object.entries(SOUND)) make(`sound.${extension}`, ...sound, ...options);
  const film = ['-f', 'lavfi', '-i', 'testsrc=size=64x48:rate=5:duration=1', ...sound, '-pix_fmt', 'yuv420p'];
  for (const [extension, options] of Object.entries(FILM)) make(`film.${extension}`, ...film, ...options);
  files.set('paper.pdf', pdf([{ lines: ['The harbour of Bergen has many wooden houses.'] }]));
  files.set('letter.docx', Buffer.from(docx(paragraph('The budget is four thousand.'))));
  files.set('source.zip', Buffer.from(zip({ 'a.md': '# Title\n\nWords.', 'b/c.ts': 'export const one = 1;\n' })));
  return files;
}
