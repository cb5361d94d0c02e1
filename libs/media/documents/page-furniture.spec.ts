import { describe, expect, it } from 'vitest';
import { withoutFurniture as withoutFurnitureOf } from './page-furniture.js';

const withoutFurniture = (pages: string[][]): string[][] =>
  withoutFurnitureOf(pages.map((page) => page.map((text) => ({ text })))).map((page) => page.map(({ text }) => text));

describe('withoutFurniture', () => {
  it('drops page numbers at the edges of a page only', () => {
    expect(
      withoutFurniture([
        ['Title', '1984', 'text', '- 3 -'],
        ['iv', 'text'],
        ['2 of 9', 'text'],
      ]),
    ).toEqual([['Title', '1984', 'text'], ['text'], ['text']]);
  });

  it('drops a header that stands on most pages, whatever its number', () => {
    const pages = Array.from({ length: 5 }, (_, i) => [
      `Annual report, page ${i + 1}`,
      `Chapter ${'abcde'[i]}`,
      'same',
    ]);
    expect(withoutFurniture(pages).map((page) => page[0])).toEqual(
      ['a', 'b', 'c', 'd', 'e'].map((x) => `Chapter ${x}`),
    );
    expect(withoutFurniture(pages.slice(0, 3))[0]).toHaveLength(3);
  });
});
