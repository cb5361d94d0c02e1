import { describe, expect, it } from 'vitest';
import type { Line } from '../compose/lines.js';
import { segmentLines } from '../compose/segments.js';
import { focus } from './focus.js';

const mediumId = 'c'.repeat(64);
const said = [
  'Welcome.',
  'The cat is Molly.',
  'Molly sleeps in the garden.',
  'The coffee was grown in Peru.',
  'A rocket flew.',
  'It was loud.',
  'That is all.',
];
const lines = said.map((text, i): Line => ({
  text: `${text}\n`,
  span: { mediumId, start: i * 5, end: i * 5 + 5 },
  quote: text,
}));
const shown: Line = {
  text: 'Picture: A cup on a table.\n',
  span: { mediumId, start: 15, end: 20 },
  quote: 'A cup on a table.',
};
const segments = segmentLines([...lines, shown], (text) => text.length, 400);
const quotes = (question: string): string[] | undefined => focus(question, segments)?.map((line) => line.quote);

describe('focus', () => {
  it('keeps the lines that share words with the question, and what is shown meanwhile', () => {
    expect(quotes('Where does Molly sleep?')).toEqual(['The cat is Molly.', 'Molly sleeps in the garden.']);
    expect(quotes('How many rockets flew?')).toEqual(['A rocket flew.']);
    expect(quotes('What is said about the coffee?')).toEqual(['The coffee was grown in Peru.', 'A cup on a table.']);
  });

  it('leaves the material whole where a place in it is not asked for, or not found', () => {
    expect(quotes('Summarise the film about Molly.')).toBeUndefined();
    expect(quotes('How many times does Molly sleep?')).toBeUndefined();
    expect(quotes('How often is Molly named?')).toBeUndefined();
    expect(quotes('Who is president?')).toBeUndefined();
  });

  it('keeps to the place that a question names', () => {
    expect(quotes('What is said in the first ten seconds?')).toEqual(['Welcome.', 'The cat is Molly.']);
    expect(quotes('What is said after 0:25?')).toEqual(['It was loud.', 'That is all.']);
    expect(quotes('What is said about Molly between 0:05 and 0:15?')).toEqual(['The cat is Molly.', 'Molly sleeps in the garden.']); // prettier-ignore
    expect(quotes('What is said after 5:00?')).toEqual([]);
  });

  it('reads no place as words', () => {
    const pages = [...said, 'We sold 3 houses last year.'].map((quote, i): Line => ({ text: `${quote}\n`, quote, span: { mediumId, page: i < 7 ? 3 : 1 } })); // prettier-ignore
    const asked = (question: string) =>
      focus(
        question,
        segmentLines(pages, (text) => text.length, 400),
      );
    expect(asked('What is on page 3?')?.map(({ quote }) => quote)).toEqual(said);
    expect(asked('What is on page 1?')?.map(({ quote }) => quote)).toEqual(['We sold 3 houses last year.']);
  });
});
