import { readFileSync } from 'node:fs';
import { ffmpeg } from './media.js';

const u8 = (...values: number[]) => Buffer.from(values);
const u16 = (value: number) => u8(value >> 8, value & 255);
const u32 = (value: number) => Buffer.concat([u16(value >>> 16), u16(value & 0xffff)]);
const box = (type: string, ...parts: Uint8Array[]): Buffer => {
  const body = Buffer.concat(parts);
  return Buffer.concat([u32(8 + body.length), Buffer.from(type, 'latin1'), body]);
};
const full = (type: string, version: number, flags: number, ...parts: Uint8Array[]) => box(type, u32((version << 24) | flags), ...parts); // prettier-ignore

export interface HeicRequest {
  /** Files of equal pictures that ffmpeg reads: the tiles, row by row. */
  tiles: string[];
  tileSize: [width: number, height: number];
  columns: number;
  /** Of the whole picture, which may be smaller than its tiles. */
  size: [width: number, height: number];
  /** Quarter turns against the clock, and the axis to mirror at, as the boxes `irot` and `imir` have them. */
  irot?: number;
  imir?: number;
}

/** A HEIC file as telephones write it: a grid of tiles in HEVC. With one tile of the whole size, no grid. */
export function heic({ tiles, tileSize, columns, size, irot, imir }: HeicRequest): Uint8Array<ArrayBuffer> {
  const coded = tiles.map(hevc);
  const alone = tiles.length === 1;
  const grid = Buffer.concat([u8(0, 0, tiles.length / columns - 1, columns - 1), u16(size[0]), u16(size[1])]);
  // Items 1 to n are tiles; n + 1 is the grid.
  const ids = coded.map((_, i) => i + 1);
  const primary = alone ? 1 : ids.length + 1;
  const entry = (id: number, type: string) => full('infe', 2, 0, u16(id), u16(0), Buffer.from(type, 'latin1'), u8(0));
  const ispe = ([width, height]: [number, number]) => full('ispe', 0, 0, u32(width), u32(height));
  const properties = [ispe(tileSize), box('hvcC', coded[0]!.config), ispe(size), ...(irot === undefined ? [] : [box('irot', u8(irot))]), ...(imir === undefined ? [] : [box('imir', u8(imir))])]; // prettier-ignore
  const turns = properties.slice(3).map((_, i) => 4 + i);
  const owned = (id: number, list: number[]) => Buffer.concat([u16(id), u8(list.length, ...list)]);
  const associations = [...ids.map((id) => owned(id, alone ? [1, 2, ...turns] : [1, 2])), ...(alone ? [] : [owned(primary, [3, ...turns])])]; // prettier-ignore

  const ftyp = box('ftyp', Buffer.from('heic\0\0\0\0mif1heic', 'latin1'));
  const meta = (offset: number): Buffer => {
    let at = offset;
    const places = coded.map(({ data }, i) => {
      const place = Buffer.concat([u16(i + 1), u16(0), u16(0), u16(1), u32(at), u32(data.length)]);
      at += data.length;
      return place;
    });
    if (!alone) places.push(Buffer.concat([u16(primary), u16(1), u16(0), u16(1), u32(0), u32(grid.length)]));
    return full(
      'meta',
      0,
      0,
      full('hdlr', 0, 0, u32(0), Buffer.from('pict'), Buffer.alloc(13)),
      full('pitm', 0, 0, u16(primary)),
      full('iinf', 0, 0, u16(alone ? 1 : ids.length + 1), ...ids.map((id) => entry(id, 'hvc1')), ...(alone ? [] : [entry(primary, 'grid')])), // prettier-ignore
      full('iref', 0, 0, ...(alone ? [] : [box('dimg', u16(primary), u16(ids.length), ...ids.map(u16))])),
      box('iprp', box('ipco', ...properties), full('ipma', 0, 0, u32(associations.length), ...associations)),
      full('iloc', 1, 0, u16(0x4400), u16(places.length), ...places),
      box('idat', grid),
    );
  };
  const offset = ftyp.length + meta(0).length + 8;
  return new Uint8Array(Buffer.concat([ftyp, meta(offset), box('mdat', ...coded.map(({ data }) => data))]));
}

/** A picture in HEVC: its parameter sets as an `hvcC` box has them, and its slices with their lengths before them. */
function hevc(picture: string): { config: Buffer; data: Buffer } {
  const file = `${picture}.hevc`;
  ffmpeg('-i', picture, '-frames:v', '1', '-pix_fmt', 'yuv444p', '-c:v', 'libx265', '-x265-params', 'log-level=none:crf=4', file); // prettier-ignore
  // Start codes have three bytes, or four with a zero before them, which no unit ends with.
  const units = readFileSync(file)
    .toString('latin1')
    .split('\0\0\u0001')
    .slice(1)
    .map((unit) => Buffer.from(unit.replace(/\0$/, ''), 'latin1'));
  const typed = units.map((unit) => ({ unit, type: (unit[0]! >> 1) & 63 }));
  const sets = typed.filter(({ type }) => type >= 32 && type <= 34);
  const arrays = sets.map(({ type, unit }) => Buffer.concat([u8(0x80 | type), u16(1), u16(unit.length), unit]));
  const slices = typed.filter(({ type }) => type < 32).map(({ unit }) => Buffer.concat([u32(unit.length), unit]));
  return {
    config: Buffer.concat([Buffer.alloc(21), u8(0xfc | 3, arrays.length), ...arrays]),
    data: Buffer.concat(slices),
  };
}
