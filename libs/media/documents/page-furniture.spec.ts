import { describe, expect, it } from 'vitest';
import { withoutFurniture as withoutFurnitureOf } from './page-furniture.js';

const withoutFurniture = (pages: string[][]): string[][] =>
  withoutFurnitureOf(pages.map((page) => page.map((text) => ({ text })))).map((page) => page.map(({ text }) => text));

/** What is left of pages that differ in their edges only. */
const leftOf = (...edges: string[]): string[] =>
  withoutFurniture(edges.map((edge, i) => [edge, `text ${'abcdefgh'[i]}`])).flatMap((page) => page.slice(0, -1));

describe('withoutFurniture', () => {
  it('drops page numbers at the edges of a page only, in the form that they have', () => {
    expect(
      withoutFurniture([
        ['Title', '1984', 'text', '- 3 -'],
        ['- 4 -', 'more', '4'],
        ['still', '- 5 -', 'more', '- 5 -'],
        ['last', '6'],
      ]),
    ).toEqual([
      ['Title', '1984', 'text'],
      ['more', '4'],
      ['still', '- 5 -', 'more'],
      ['last', '6'],
    ]);
  });

  it.each([
    [['1', '2', '3']],
    [['iv', 'v', 'vi']],
    [['Page 12', 'Page 13', 'Page 14']],
    [['3 of 12', '4 of 12', '5 of 12']],
    [['Seite 3 / 12', 'Seite 4 / 12', 'Seite 5 / 12']],
    [['- 3 -', '- 4 -', '- 5 -']],
  ])('drops the page numbers %j', (numbers) => {
    expect(leftOf(...numbers)).toEqual([]);
  });

  it.each([
    [['Report 2024 | 3', 'Report 2024 | 4', 'Report 2024 | 5']],
    [['3 · Report', '4 · Report', '5 · Report']],
    [['Annual report, page 1', 'Annual report, page 2', 'Annual report, page 3']],
    [['ACME (p. 1 of 3)', 'ACME (p. 2 of 3)', 'ACME (p. 3 of 3)']],
    [['Tides and moons', 'Tides and moons', 'Tides and moons', 'Tides and moons']],
    [['Page 1 of 1', 'Page 1 of 1', 'Page 1 of 1', 'Page 1 of 1']],
  ])('keeps of the headers %j the first', (headers) => {
    expect(leftOf(...headers)).toEqual(headers.slice(0, 1));
  });

  it.each([
    [['Day 1', 'Day 2', 'Day 3', 'Day 4']],
    [['Invoice 10234', 'Invoice 10235', 'Invoice 10236', 'Invoice 10237']],
    [['Total: $1234.50', 'Total: $1310.50', 'Total: $9920.50', 'Total: $4410.50']],
    [['1250', '1250', '1250', '1250']],
    [['2021', '2022', '2023', '2024']],
    [['12', '40', '7', '99']],
    [['I', 'II', 'III', 'IV']],
    [['1 | Tides', '2 | Moons', '3 | Winds']],
    [['1', '2']],
    [['Same header', 'Same header', 'Same header']],
  ])('keeps %j', (edges) => {
    expect(leftOf(...edges)).toEqual(edges);
  });

  it('keeps a figure on a page of its own', () => {
    expect(withoutFurniture([['Amount due', '1250']])).toEqual([['Amount due', '1250']]);
  });

  it('keeps figures of which only a few keep step with the pages', () => {
    const pages = Array.from({ length: 40 }, (_, i) => [`text ${i}`, String(i % 13 === 0 ? i + 7 : (i * i) % 97)]);
    expect(withoutFurniture(pages)).toEqual(pages);
  });
});
