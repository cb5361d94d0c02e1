import { describe, expect, it } from 'vitest';
import { pageParagraphs as paragraphsOf, type TextRun } from './pdf-paragraphs.js';

const pageParagraphs = (runs: TextRun[]): string[] => paragraphsOf(runs).map(({ text }) => text);

/** A line of print: 6 points a letter. */
const line = (text: string, y: number, height = 12): TextRun => ({
  text,
  x: 60,
  y,
  width: 6 * text.length,
  height,
  eol: true,
});

describe('pageParagraphs', () => {
  it('joins the lines of a paragraph and parts paragraphs by their gap', () => {
    const runs = [
      line('Bergen was founded in the year 1070 and lies on', 700),
      line('the west coast.', 686),
      line('It rains often.', 650),
    ];
    expect(pageParagraphs(runs)).toEqual([
      'Bergen was founded in the year 1070 and lies on the west coast.',
      'It rains often.',
    ]);
  });

  it('keeps headings and items on their own', () => {
    const runs = [line('Results of the year', 700, 20), line('The sales went up by a seventh in all of the', 680), line('1. Lisbon leads the list of the many towns', 666), line('2. Porto follows', 652)]; // prettier-ignore
    expect(pageParagraphs(runs)).toHaveLength(4);
  });

  it('mends a word that was parted at the end of a line, but not a compound', () => {
    expect(pageParagraphs([line('a long line that ends within a com-', 700), line('pound word', 686)])[0]).toMatch(
      /a compound word$/,
    );
    expect(pageParagraphs([line('a long line that ends with Franco-', 700), line('German words', 686)])[0]).toMatch(
      /Franco- German/,
    );
  });

  it('takes runs of one height for one line', () => {
    const runs = [{ ...line('Total:', 700), eol: false }, { ...line(' ', 700), eol: false }, line('42', 700)];
    expect(pageParagraphs(runs)).toEqual(['Total: 42']);
  });

  it('shortens the dots of a table of contents', () => {
    expect(pageParagraphs([line('1.2 Tides . . . . . . . . 14', 700)])).toEqual(['1.2 Tides … 14']);
  });

  it('tells the edges of a paragraph of several lines', () => {
    const [paragraph] = paragraphsOf([
      line('a long line that goes on within the next line', 700),
      line('and ends', 686),
    ]);
    expect(paragraph).toMatchObject({ left: 60, right: 60 + 6 * 45, bottom: 683, top: expect.closeTo(710.8, 5) });
  });

  it('has nothing to say of an empty page', () => {
    expect(pageParagraphs([])).toEqual([]);
    expect(pageParagraphs([line('  ', 700)])).toEqual([]);
  });
});
