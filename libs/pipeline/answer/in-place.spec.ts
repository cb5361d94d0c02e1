import { describe, expect, it } from 'vitest';
import type { Span } from '#contracts';
import type { Line } from '../compose/lines.js';
import { segmentLines } from '../compose/segments.js';
import type { Reader } from './decode.js';
import { inPlace, materialInPlace, placeIn } from './in-place.js';

const line = (quote: string, span: Partial<Span>, kind?: Line['kind']): Line => ({
  text: `${quote}\n`,
  quote,
  span: { mediumId: 'a', ...span },
  ...(kind ? { kind } : {}),
});
const there = (question: string, lines: Line[]) => inPlace(question, lines).there?.map(({ quote }) => quote);

const pages = [
  line('Welcome.', { page: 1 }),
  line('We sold 3 houses last year.', { page: 1 }),
  line('It was fine.', { page: 2 }),
  line('See page 9 of the atlas.', { page: 4 }),
];
const film = [
  line('Intro', { start: 0, end: 240 }, 'chapter'),
  line('A town.', { start: 0, end: 100 }, 'seen'),
  line('Good morning.', { start: 5, end: 9 }, 'said'),
  line('Coffee is grown in Peru.', { start: 65, end: 69 }, 'said'),
  line('Only 2 books, please.', { start: 150, end: 154 }, 'said'),
  line('Doors close at 3:30.', { start: 200, end: 204 }, 'said'),
  line('Bye.', { start: 230, end: 240 }, 'said'),
];

describe('inPlace', () => {
  it.each([
    ['What is on page 1?', ['Welcome.', 'We sold 3 houses last year.']],
    ['What is on page 3?', []],
    ['What is on the last page?', ['See page 9 of the atlas.']],
    ['What is on pages 2 and 4?', ['It was fine.', 'See page 9 of the atlas.']],
    ['What is on page 9?', undefined],
    ['What is in line 2?', undefined],
    ['What is said in the first minute?', undefined],
    ['What is this about?', undefined],
  ])('of pages: %s', (question, expected) => {
    expect(there(question, pages)).toEqual(expected);
  });

  it.each([
    ['What is said between 1:00 and 2:00?', ['A town.', 'Coffee is grown in Peru.']],
    ['What is said in the first minute?', ['Intro', 'A town.', 'Good morning.']],
    ['What is said in the last minute?', ['Doors close at 3:30.', 'Bye.']],
    ['What is said after 2:40?', ['Doors close at 3:30.', 'Bye.']],
    ['What is said at the end?', ['Bye.']],
    ['What is said at the beginning?', ['Intro', 'A town.', 'Good morning.']],
    ['What is said after 5:00?', []],
    ['Which trains leave after 5:00?', undefined],
    ['What is done after 3:30?', undefined],
  ])('of a film: %s', (question, expected) => {
    expect(there(question, film)).toEqual(expected);
  });

  it('finds the paragraph that a line is in, and the name of its file', () => {
    const rows = [
      line('a.md:', { file: 'a.md' }),
      line('Title', { file: 'a.md', line: 1 }),
      line('A paragraph that goes on for some rows. '.repeat(3), { file: 'a.md', line: 3 }),
      line('The end.', { file: 'a.md', line: 9 }),
      line('b.md:', { file: 'b.md' }),
      line('Short.', { file: 'b.md', line: 1 }),
    ];
    expect(there('What is in line 5?', rows)).toEqual(['a.md:', rows[2]!.quote]);
    expect(there('What is in line 1?', rows)).toEqual(['a.md:', 'Title', 'b.md:', 'Short.']);
    expect(there('What is in line 40?', rows)).toEqual([]);
    expect(there('Where does line 5 go?', [...rows, line('Line 5 goes to Bergen.', { file: 'b.md', line: 2 })])).toBeUndefined(); // prettier-ignore
  });

  it('takes the end of a text without pages or times by its lines', () => {
    const text = Array.from({ length: 100 }, (_, i) => line(`Line of text ${i}.`, { line: i + 1 }));
    expect(there('What does it say at the end?', text)).toHaveLength(10);
  });
});

describe('materialInPlace', () => {
  const reader = {
    models: {
      prompts: () => Promise.resolve({ timeline: { segment_tokens: 100 } }),
      tokenCounter: () => Promise.resolve((text: string) => text.length),
    },
  } as unknown as Reader;
  const other = film.map((each) => ({ ...each, span: { ...each.span, mediumId: 'b' } }));
  const material = [pages, other].map((lines) => ({ segments: segmentLines(lines, (text) => text.length, 100) }));
  const told = async (question: string) =>
    (await materialInPlace(reader, question, material)).map(({ segments }) => segments.map(({ quote }) => quote));

  it('has nothing but what lies there', async () => {
    expect(await told('What is on page 2?')).toEqual([['It was fine.'], []]);
    expect(await told('What is said after 2:40?')).toEqual([[], ['Doors close at 3:30. Bye.']]);
    expect(await told('What is on page 3?')).toEqual([[], []]);
  });

  it('is the material itself where no place is asked for', async () => {
    expect(await materialInPlace(reader, 'What is this about?', material)).toBe(material);
  });
});

it('what was chosen by its place is not chosen once more: the last of it is another', () => {
  const pages = [1, 2, 3].map((page) => line(`p${page}`, { page }));
  const question = 'What is said before the last page?';
  const { there = [] } = inPlace(question, pages);
  expect(there.map(({ quote }) => quote)).toEqual(['p1', 'p2']);
  expect(placeIn(question, there, true)).toEqual({ about: 'What is said?', there });
  expect(placeIn(question, pages)).toEqual(inPlace(question, pages));
});
