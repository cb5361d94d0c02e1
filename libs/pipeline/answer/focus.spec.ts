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
});
