import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeImage, probe, readPictureText, still, TextRecognizer } from '#media';
import { heic, type HeicRequest } from '../support/heic.js';
import { mediaFolder } from '../support/media.js';

const folder = mediaFolder('telephone');
const recognizer = new TextRecognizer();
/** Not quite as large as its tiles, as photographs of telephones are not. */
const [WIDTH, HEIGHT, TILE] = [240, 180, 128];
let whole: Buffer;

/** Four corners of different colours, with a word in one of them. */
const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}"><rect width="100%" height="100%" fill="#ffffff"/>
  <rect width="120" height="90" fill="#c83232"/><rect x="120" y="90" width="120" height="90" fill="#3250c8"/><rect y="90" width="120" height="90" fill="#32a050"/></svg>`;

async function make(name: string, request: Partial<HeicRequest> = {}): Promise<string> {
  const tiles: string[] = [];
  for (const [i, [left, top]] of (
    [
      [0, 0],
      [TILE, 0],
      [0, TILE],
      [TILE, TILE],
    ] as const
  ).entries()) {
    // prettier-ignore
    const tile = folder.file(`${name}-${i}.png`);
    const large = await sharp(whole).extend({ right: 2 * TILE - WIDTH, bottom: 2 * TILE - HEIGHT, extendWith: 'copy' }).toBuffer(); // prettier-ignore
    await sharp(large).extract({ left, top, width: TILE, height: TILE }).toFile(tile);
    tiles.push(tile);
  }
  writeFileSync(folder.file(name), heic({ tiles, tileSize: [TILE, TILE], columns: 2, size: [WIDTH, HEIGHT], ...request })); // prettier-ignore
  return folder.file(name);
}

/** Largest mean difference of a colour from what is expected, of 255. */
async function difference(file: string, expected: Buffer): Promise<number> {
  const [a, b] = await Promise.all([decodeImage(file, { size: 64 }), decodeImage(new Uint8Array(expected), { size: 64 })]); // prettier-ignore
  return a.rgb.reduce((sum, value, i) => sum + Math.abs(value - b.rgb[i]!), 0) / a.rgb.length;
}

beforeAll(async () => {
  whole = await sharp(Buffer.from(svg)).png().toBuffer();
});
afterAll(async () => {
  await recognizer.dispose();
  folder.dispose();
});

test('a grid of tiles is one picture', async () => {
  const file = await make('grid.heic');
  expect(await probe(file)).toMatchObject({ kind: 'image', mimeType: 'image/heic', width: WIDTH, height: HEIGHT });
  expect(await difference(file, whole)).toBeLessThan(3);
  const jpeg = await sharp(await still(file, { facts: { kind: 'image', tracks: [] } })).metadata();
  expect([jpeg.format, jpeg.width, jpeg.height]).toEqual(['jpeg', WIDTH, HEIGHT]);
});

test('a picture without a grid', async () => {
  const tile = folder.file('one.png');
  await sharp(whole).toFile(tile);
  const file = folder.file('one.heic');
  writeFileSync(file, heic({ tiles: [tile], tileSize: [WIDTH, HEIGHT], columns: 1, size: [WIDTH, HEIGHT], irot: 1 })); // prettier-ignore
  expect(await probe(file)).toMatchObject({ width: HEIGHT, height: WIDTH });
  expect(await difference(file, await sharp(whole).rotate(270).toBuffer())).toBeLessThan(3);
});

describe('turned and mirrored', () => {
  test.each([
    [{ irot: 1 }, () => sharp(whole).rotate(270)],
    [{ irot: 2 }, () => sharp(whole).rotate(180)],
    [{ irot: 3 }, () => sharp(whole).rotate(90)],
    [{ imir: 0 }, () => sharp(whole).flop()],
    [{ imir: 1 }, () => sharp(whole).flip()],
  ])('%o', async (turn, expected) => {
    expect(await difference(await make(`turned-${JSON.stringify(turn).replace(/\W/g, '')}.heic`, turn), await expected().toBuffer())).toBeLessThan(3); // prettier-ignore
  });

  test('turned first, mirrored then', async () => {
    const turned = await sharp(whole).rotate(270).toBuffer();
    const file = await make('both.heic', { irot: 1, imir: 0 });
    expect(await difference(file, await sharp(turned).flop().toBuffer())).toBeLessThan(3);
  });
});

test('its text is read', async () => {
  const words = `<svg xmlns="http://www.w3.org/2000/svg" width="640" height="400"><rect width="100%" height="100%" fill="#ffffff"/>
    <text x="40" y="120" font-size="48" font-family="sans-serif">The harbour opens</text><text x="40" y="220" font-size="48" font-family="sans-serif">at nine in the morning</text></svg>`;
  const page = folder.file('page.png');
  await sharp(Buffer.from(words)).png().toFile(page);
  writeFileSync(folder.file('page.heic'), heic({ tiles: [page], tileSize: [640, 400], columns: 1, size: [640, 400] })); // prettier-ignore
  expect((await readPictureText(folder.file('page.heic'), { recognizer })).text).toContain('The harbour opens');
});

describe('hostile files', () => {
  const reject = (file: string, limits = {}) => expect(decodeImage(file, { size: 64, limits })).rejects;

  test('too many pixels are refused before anything is decoded', async () => {
    const file = await make('large.heic');
    await expect(probe(file, { limits: { maxPixels: 40_000 } })).rejects.toMatchObject({ code: 'too_many_pixels' });
    await reject(file, { maxPixels: 40_000 }).toMatchObject({ code: 'too_many_pixels' });
  });

  test('cut off anywhere, or with any byte changed, it is damaged or read, and nothing remains', async () => {
    const file = await make('cut.heic');
    const bytes = readFileSync(file);
    const list = bytes.indexOf('mdat');
    for (const end of [20, 40, 100, list >> 1, list, bytes.length - 30]) {
      writeFileSync(folder.file('short.heic'), bytes.subarray(0, end));
      await reject(folder.file('short.heic')).toMatchObject({ code: 'corrupt_media' });
    }
    for (let at = 24; at < list; at += 13) {
      const changed = Buffer.from(bytes);
      changed[at] = changed[at]! ^ 0xff;
      writeFileSync(folder.file('changed.heic'), changed);
      const done = await decodeImage(folder.file('changed.heic'), { size: 64 }).catch((error: { code: string }) => error.code); // prettier-ignore
      if (typeof done === 'string') expect(['corrupt_media', 'too_many_pixels']).toContain(done);
    }
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith('tessera-heic-'))).toEqual([]);
  });
});
