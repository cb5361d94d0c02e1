import { describe, expect, it } from 'vitest';
import type { Line } from '../../compose/lines.js';
import { isUnknown, misheard, namesIn } from './names.js';

const line = (quote: string, kind: Line['kind'] = 'said'): Line => ({
  quote,
  kind,
  text: `${quote}\n`,
  span: { mediumId: 'a' },
});
const lines = [
  'Welcome to our town.', 'The ferry of the company Neptune leaves at nine.', 'The ferry of the company Orion leaves at ten.',
  'Otto was born in Bergen.', 'He was elected mayor in 1991.', "Then you'll forget the umbrella.", 'A dog runs over the beach.',
  'People sit in the sun.', 'The water is cold today.', 'There is cake in the kitchen.',
].map((quote) => line(quote)); // prettier-ignore

describe('namesIn', () => {
  it.each([
    ['Where was Ada Lovelace born?', ['Ada Lovelace']],
    ['When does the Neptune leave for Oslo?', ['Neptune', 'Oslo']],
    ['Summarise the talk in French.', []],
    ['What is the code? Answer in German.', []],
    ['WHO IS IT?', []],
    ['What were the sales in March?', []],
    ['What does Otto do on Monday?', ['Otto']],
    ['Who is it?', []],
    ['What is on Page 3?', []],
    ['What is said in Chapter Two about Otto?', ['Otto']],
    ['What does Figure IV show?', []],
    ['What does the Chairman say?', []],
    ['What does the Chairman Otto Lund say?', ['Chairman Otto Lund']],
  ])('%s', (question, names) => {
    expect(namesIn(question)).toEqual(names);
  });
});

describe('isUnknown', () => {
  it.each([
    'When does the ferry of Galaxy leave?',
    'At what hour does the Poseidon ferry leave?',
    'when does the ferry of the company galaxy leave?',
    'Where was Freya born?',
    'Was Freya born in Bergen?',
    'When does the ferry of the company Bergen leave?',
    'In which town did Klaus grow up?',
  ])('%s', (question) => {
    expect(isUnknown(question, lines)).toBe(true);
  });

  it.each([
    'When does the ferry of Neptune leave?',
    'Where was Otto born?',
    'Where did Daniel forget the umbrella?',
    'In which year did he become mayor?',
    'When does the ship leave?',
    'What is the dog doing?',
    'Is the weather nice?',
  ])('%s may be answered', (question) => {
    expect(isUnknown(question, lines)).toBe(false);
  });

  it('leaves another language, and months in figures, to the decoder', () => {
    const bill = [line('Das Büro ist in Berlin.', undefined), line('2024-03,1200', undefined)];
    for (const question of ['In welcher Stadt ist das Büro?', 'Was ist das Datum der Rechnung?', 'What were the sales in March?'])
      expect(isUnknown(question, bill)).toBe(false);
    const ferries = ['Die Fähre Neptun fährt um neun.', 'Die Fähre Orion fährt um zehn.', 'Es regnet.', 'Guten Tag.', 'Wir essen.'];
    expect(isUnknown('Wann fährt die Fähre?', ferries.map((quote) => line(quote)))).toBe(false);
  }); // prettier-ignore

  it.each([
    'What is on Page 3?',
    'What does Page 3 say?',
    'What is said in Chapter 3?',
    'What does the Chairman say about the budget?',
  ])('%s names nothing', (question) => {
    expect(isUnknown(question, [line('The budget was approved.', undefined)])).toBe(false);
  });

  it('knows where nothing lies, and what is said of a page on it alone', () => {
    const pages = ['We sold 3 houses.', 'Otto is the mayor.'].map((quote, i): Line => ({ text: `${quote}\n`, quote, span: { mediumId: 'a', page: i + 1 } })); // prettier-ignore
    expect(isUnknown('What is on page 3?', pages)).toBe(true);
    expect(isUnknown('What is on page 2?', pages)).toBe(false);
    expect(isUnknown('Who is Otto on page 2?', pages)).toBe(false);
    expect(isUnknown('Who is Otto on page 1?', pages)).toBe(true);
  });

  it('asks who speaks at a time, whoever is named then', () => {
    const timed = lines.map((each, i) => ({ ...each, span: { mediumId: 'a', start: i * 10, end: i * 10 + 8 } }));
    expect(isUnknown('What does Otto say in the first 20 seconds?', timed)).toBe(false);
    expect(isUnknown('What does Otto say after 5:00?', timed)).toBe(true);
  });

  it('knows the names of files', () => {
    expect(isUnknown('What does Minutes say about the mayor?', lines, ['minutes.pdf'])).toBe(false);
  });
});

describe('misheard', () => {
  it('is the one line that the rest of a question is about', () => {
    expect(misheard('Where did Daniel forget the umbrella?', lines)?.quote).toMatch(/umbrella/);
    expect(misheard('Where did Frederick forget the umbrella?', lines)).toBeUndefined();
    expect(misheard('Where was Otto born?', lines)).toBeUndefined();
  });
});
