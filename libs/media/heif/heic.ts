import { Reader } from './boxes.js';
import { readItems, type Item } from './items.js';

/** What a HEIC file holds: one picture coded in HEVC, or a grid of equal tiles, as telephones write it. */
export interface Heic {
  /** Pixels as coded, before `turns` and `mirror`. */
  width: number;
  height: number;
  columns: number;
  rows: number;
  /** Of one tile. Those at the right and the lower edge reach over it. */
  tileWidth: number;
  tileHeight: number;
  /** Quarter turns against the clock, 0 to 3. */
  turns: number;
  /** Applied after the turns. */
  mirror: 'none' | 'vertical' | 'horizontal';
  /** The tiles one after the other, row by row, as one HEVC stream (ISO/IEC 14496-10 Annex B framing). */
  stream(): Uint8Array;
}

const START = Uint8Array.of(0, 0, 0, 1);
const MOST_TILES = 1024;

/** Reads the header. @throws RangeError, Error with what is wrong, for people */
export function readHeic(file: Uint8Array): Heic {
  const items = readItems(file);
  const { primary } = items;
  const [width, height] = sizeOf(primary);
  const grid = primary.type === 'grid' ? readGrid(primary) : undefined;
  const tiles = grid ? primary.from.map((id) => items.get(id)) : [primary];
  const { columns, rows } = grid ?? { columns: 1, rows: 1 };
  if (tiles.length !== columns * rows || tiles.length > MOST_TILES) throw new Error('tiles are missing');
  if (tiles.some(({ type }) => type !== 'hvc1')) throw new Error('the picture is not coded in HEVC');
  const [tileWidth, tileHeight] = sizeOf(tiles[0] as Item);
  if (tileWidth * columns < width || tileHeight * rows < height) throw new Error('the tiles are too small');
  const quarters = (propertyOf(primary, 'irot')?.[0] ?? 0) & 3;
  const order = primary.properties.map(({ type }) => type);
  // Mirrored first and then turned is turned the other way and then mirrored.
  const turns = order.includes('imir') && order.indexOf('imir') < order.indexOf('irot') ? (4 - quarters) % 4 : quarters;
  const axis = propertyOf(primary, 'imir')?.[0];
  const mirror = axis === undefined ? 'none' : (axis & 1) === 0 ? 'vertical' : 'horizontal';
  const stream = () => {
    const parts = tiles.flatMap(annexB);
    // Tiles share their parameters, not their pixels: what is told many times over makes a small file a large one.
    if (parts.reduce((sum, { length }) => sum + length, 0) > 2 * file.length) throw new Error('its tiles overlap');
    return Buffer.concat(parts);
  };
  return { width, height, columns, rows, tileWidth, tileHeight, turns, mirror, stream };
}

const propertyOf = ({ properties }: Item, wanted: string): Uint8Array | undefined =>
  properties.find(({ type }) => type === wanted)?.bytes;

/** `ispe`: the size of an item. */
function sizeOf(item: Item): [width: number, height: number] {
  const bytes = propertyOf(item, 'ispe');
  if (!bytes) throw new Error('the size of the picture is not told');
  const reader = new Reader(bytes);
  reader.full();
  const [width, height] = [reader.number(4), reader.number(4)];
  if (width < 1 || height < 1) throw new Error('the picture has no pixels');
  return [width, height];
}

function readGrid(grid: Item): { rows: number; columns: number } {
  const reader = new Reader(grid.data());
  reader.skip(2);
  return { rows: reader.number(1) + 1, columns: reader.number(1) + 1 };
}

/** A tile with its parameter sets; each part begins with a start code in place of its length. */
function annexB(tile: Item): Uint8Array[] {
  const config = propertyOf(tile, 'hvcC');
  if (!config) throw new Error('the parameters of a tile are missing');
  const reader = new Reader(config);
  reader.skip(21);
  const lengthSize = (reader.number(1) & 3) + 1;
  if (lengthSize === 3) throw new Error('lengths of three bytes are not known');
  const parts: Uint8Array[] = [];
  for (let arrays = reader.number(1); arrays > 0; arrays--) {
    reader.skip(1);
    for (let units = reader.number(2); units > 0; units--) parts.push(START, reader.take(reader.number(2)));
  }
  const data = new Reader(tile.data());
  while (data.left > lengthSize) parts.push(START, data.take(data.number(lengthSize)));
  return parts;
}
