import { boxes, Reader } from './boxes.js';

/** A property of items: its box's type and body. */
export interface Property {
  type: string;
  bytes: Uint8Array;
}

/** One item of a HEIF file (ISO/IEC 23008-12): a coded picture, or one that is derived from others. */
export interface Item {
  id: number;
  type: string;
  properties: Property[];
  /** Ids of the items that a derived picture is made of. */
  from: number[];
  data(): Uint8Array;
}

export interface Items {
  primary: Item;
  get(id: number): Item;
}

/** Bytes of the list of items, and of places in it: a telephone's picture has 4 KB and some 50. */
const MOST_BYTES = 4 * 1024 ** 2;
const MOST_EXTENTS = 16_384;

interface Place {
  inside: boolean;
  extents: { offset: number; length: number }[];
}

/** The items that a file's `meta` box lists. @throws RangeError, Error for a file that is damaged or of another kind */
export function readItems(file: Uint8Array): Items {
  const types = new Map<number, string>();
  const places = new Map<number, Place>();
  const from = new Map<number, number[]>();
  const owned = new Map<number, number[]>();
  let [container, idat]: [Property[], Uint8Array] = [[], new Uint8Array(0)];
  let primary = -1;

  const readers: Record<string, (body: Reader) => void> = {
    pitm: (body) => (primary = body.number(body.full().version === 0 ? 2 : 4)),
    idat: (body) => (idat = body.bytes),
    iinf: (body) => {
      body.skip(body.full().version === 0 ? 2 : 4);
      for (const { type, body: entry } of boxes(body)) {
        if (type !== 'infe') continue;
        const { version } = entry.full();
        const id = entry.number(version >= 3 ? 4 : 2);
        entry.skip(2);
        types.set(id, entry.code());
      }
    },
    iref: (body) => {
      const wide = body.full().version === 0 ? 2 : 4;
      for (const { type, body: entry } of boxes(body)) {
        const id = entry.number(wide);
        const ids = Array.from({ length: entry.number(2) }, () => entry.number(wide));
        if (type === 'dimg') from.set(id, ids);
      }
    },
    iprp: (body) => {
      for (const { type, body: part } of boxes(body)) {
        if (type === 'ipco') container = [...boxes(part)].map((each) => ({ type: each.type, bytes: each.body.bytes }));
        if (type === 'ipma') readAssociations(part, owned);
      }
    },
    iloc: (body) => readPlaces(body, places),
  };
  const meta = [...boxes(new Reader(file))].find(({ type }) => type === 'meta')?.body;
  if (!meta) throw new Error('there is no list of pictures');
  if (meta.left > MOST_BYTES) throw new Error('the list of pictures is too long');
  meta.full();
  for (const { type, body } of boxes(meta)) readers[type]?.(body);

  const get = (id: number): Item => {
    const type = types.get(id);
    if (type === undefined) throw new Error(`part ${id} is missing`);
    const properties = (owned.get(id) ?? []).flatMap((index) => container[index - 1] ?? []);
    return { id, type, properties, from: from.get(id) ?? [], data: () => dataOf(file, idat, places.get(id)) };
  };
  return { primary: get(primary), get };
}

function readAssociations(body: Reader, owned: Map<number, number[]>): void {
  const { version, flags } = body.full();
  for (let left = body.number(4); left > 0; left--) {
    const id = body.number(version < 1 ? 2 : 4);
    const wide = (flags & 1) === 1;
    // The highest bit says that the property must be understood.
    owned.set(id, Array.from({ length: body.number(1) }, () => body.number(wide ? 2 : 1) & (wide ? 0x7fff : 0x7f))); // prettier-ignore
  }
}

function readPlaces(body: Reader, places: Map<number, Place>): void {
  const { version } = body.full();
  const sizes = body.number(2);
  const [offsetSize, lengthSize, baseSize] = [sizes >> 12, (sizes >> 8) & 15, (sizes >> 4) & 15];
  const indexSize = version === 0 ? 0 : sizes & 15;
  let extentsLeft = MOST_EXTENTS;
  for (let left = body.number(version < 2 ? 2 : 4); left > 0; left--) {
    const id = body.number(version < 2 ? 2 : 4);
    const method = version === 0 ? 0 : body.number(2) & 15;
    if (method > 1) throw new Error('a part lies inside another part');
    body.skip(2);
    const base = body.number(baseSize);
    const count = body.number(2);
    if ((extentsLeft -= count) < 0) throw new Error('the parts lie in too many pieces');
    const extents = Array.from({ length: count }, () => {
      body.skip(indexSize);
      return { offset: base + body.number(offsetSize), length: body.number(lengthSize) };
    });
    places.set(id, { inside: method === 1, extents });
  }
}

function dataOf(file: Uint8Array, idat: Uint8Array, place: Place | undefined): Uint8Array {
  if (!place) throw new Error('a part has no place');
  const source = place.inside ? idat : file;
  const pieces = place.extents.map(({ offset, length }) => {
    const end = length === 0 ? source.length : offset + length;
    if (offset > source.length || end > source.length) throw new RangeError('the file ends too early');
    return source.subarray(offset, end);
  });
  if (pieces.reduce((sum, { length }) => sum + length, 0) > source.length)
    throw new Error('the pieces of a part overlap');
  return Buffer.concat(pieces);
}
