import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import type { Line } from '../../compose/lines.js';
import { coverage } from '../words/coverage.js';
import { fromTimeline } from './from-timeline.js';
import { isGuess, quoted, strays } from '../grounds.js';
import { isSummarised } from './whole.js';

const mediumId = 'd'.repeat(64);
const line = (kind: Line['kind'], start: number, end: number, quote: string): Line => ({
  kind,
  quote,
  text: `${quote}\n`,
  span: { mediumId, start, end },
});
const lines = [
  line('written', 0, 5, 'Annual report. Office: Oslo. Budget: 4200 dollars.'),
  line('said', 0, 4, 'Welcome everybody to this talk.'),
  line('seen', 5, 10, 'A brown dog on a lawn.'),
  line('said', 6, 9, 'The unbrella is in the office.'),
  line('seen', 10, 14, 'A train at a station.'),
  line('said', 10, 13, 'Now the doorbell rings.'),
  line('seen', 14, 18, 'A dog jumps over a train.'),
  line('said', 14, 17, 'Everybody laughs.'),
  line('said', 18, 21, 'The out and door bell rings.'),
];
const told = (question: string) => fromTimeline(question, lines);

describe('fromTimeline', () => {
  it('finds what was said while something was shown, and the other way round', () => {
    expect(told('What is said while a dog is shown?')?.text).toBe('The unbrella is in the office. Everybody laughs.');
    expect(told('What is said about the umbrella while a dog is shown?')?.text).toBe('The unbrella is in the office.');
    expect(told('What is shown while the umbrella is mentioned?')?.text).toBe('A brown dog on a lawn.');
  });

  it('gives times of what is said and of what is shown, each in its own sense', () => {
    expect(told('When is the train shown?')?.text).toBe('At 00:10.');
    expect(told('When is the office mentioned?')).toMatchObject({ text: 'At 00:06.', lines: [{ kind: 'said' }] });
    expect(told('When is the office shown?')?.text).toBe('At 00:00.');
    expect(told('When does the doorbell ring for the last time?')?.text).toBe('At 00:18.');
  });

  it('tells what goes on at a time', () => {
    expect(told('What is said at 00:07?')?.text).toBe('The unbrella is in the office.');
    expect(told('What is shown at 12 seconds?')?.text).toBe('A train at a station.');
    expect(told('What happens at 0:07?')?.text).toBe(
      'The picture shows: “A brown dog on a lawn.”\nIt is said: “The unbrella is in the office.”',
    );
    expect(told('What starts at 0:07?')).toBeUndefined();
    expect(told('What is said at 12:00?')).toBeUndefined();
  });

  it('counts what happens, also where speech was misheard', () => {
    expect(told('How often does the doorbell ring?')?.text).toBe('2 times: at 00:10 and 00:18.');
    expect(told('How often does everybody laugh?')?.text).toBe('Once: at 00:14.');
  });

  it.each([
    ['Water the monstera twice a week.', 'How often should I water the monstera?', 'How often is the monstera mentioned?'],
    ['The bus runs every ten minutes.', 'How often does the bus run?', 'How often is the bus mentioned?'],
    ['He has won the championship five times.', 'How many times has he won the championship?', 'How often is the championship mentioned?'],
  ])('counts no lines where one tells how often: %s', (quote, inTheWorld, inTheMedium) => {
    const plain = [line('said', 0, 4, 'Welcome everybody.'), line('said', 20, 24, quote)];
    expect(fromTimeline(inTheWorld, plain)).toBeUndefined();
    expect(fromTimeline(inTheMedium, plain)?.text).toBe('Once: at 00:20.');
  }); // prettier-ignore

  it('leaves to the decoder what no line tells, and what is no matter of time', () => {
    expect(told('When is a giraffe shown?')).toBeUndefined();
    expect(told('What is said while a giraffe is shown?')).toBeUndefined();
    expect(told('Where is the umbrella?')).toBeUndefined();
  });
});

describe('several pictures', () => {
  const picture = (id: string, name: string, quote: string): Line => ({
    kind: 'seen',
    quote,
    text: `[${name}] Picture: ${quote}\n`,
    span: { mediumId: id.repeat(64) },
  });
  const pictures = [
    picture('a', 'lawn.jpg', 'A brown dog on a lawn.'),
    picture('b', 'rail.jpg', 'A train at a station.'),
  ];

  it('are told by what they show', () => {
    expect(fromTimeline('Which of these photos shows a train?', pictures)?.text).toBe('rail.jpg.');
    expect(fromTimeline('Which of these photos shows a giraffe?', pictures)).toBeUndefined();
  });

  it('are compared beside each other', () => {
    expect(fromTimeline('Compare these two pictures.', pictures)).toMatchObject({
      text: 'lawn.jpg: A brown dog on a lawn.\nrail.jpg: A train at a station.',
      lines: pictures,
    });
    expect(fromTimeline('Compare these two pictures.', pictures.slice(1))).toBeUndefined();
  });

  it('are all told, something of each before more of one', () => {
    const ten = Array.from('abcdefghij', (id) => picture(id, `${id}.jpg`, `View ${id}.`));
    const answer = fromTimeline('Describe these photos.', ten);
    expect(answer?.text.split('\n')).toEqual(Array.from('abcdefghij', (id) => `${id}.jpg: View ${id}.`));
    expect(answer?.lines).toHaveLength(6);
    const page = Array.from({ length: 60 }, (_, i) => picture('a', 'page.jpg', `Passage ${i}.`));
    const told = fromTimeline('Compare these two pictures.', [...page, pictures[1]!])?.text.split('\n');
    expect(told?.slice(0, 3)).toEqual(['page.jpg: Passage 0.', 'rail.jpg: A train at a station.', 'page.jpg: Passage 1.']); // prettier-ignore
    expect(told?.at(-1)).toBe('and 11 more.');
  });

  it('go by the names of their media, also where these have brackets', () => {
    const bracketed = [picture('a', 'photo [1] copy.jpg', 'A brown dog on a lawn.'), pictures[1]!];
    expect(fromTimeline('Which of these photos shows a dog?', bracketed)?.text).toBe('photo [1] copy.jpg.');
    const media = new Map([['b'.repeat(64), { name: 'inline-2.jpeg' }]]);
    expect(fromTimeline('Which of these photos shows a train?', pictures, media)?.text).toBe('inline-2.jpeg.');
  });
});

describe('long lists', () => {
  const film = Array.from({ length: 60 }, (_, i) => line('said', i, i + 0.5, `Sentence ${i}.`));
  const cat = (end: number) => line('seen', 0, end, 'A cat.');

  it('are told whole, and cited by their first lines', () => {
    const dozen = film.slice(0, 12);
    const answer = fromTimeline('What is said while the cat is shown?', [cat(12), ...dozen]);
    expect(answer?.text).toBe(dozen.map(({ quote }) => quote).join(' '));
    expect(answer?.lines).toEqual(dozen.slice(0, 6));
    const atOnce = dozen.map((each) => ({ ...each, span: { mediumId, start: 0, end: 9 } }));
    expect(fromTimeline('What is said at 0:05?', atOnce)?.text).toBe(answer?.text);
  });

  it('say how much of them is left out', () => {
    expect(fromTimeline('What is said while the cat is shown?', [cat(60), ...film])?.text).toMatch(
      /^Sentence 0\. .* Sentence 49\. and 10 more\.$/,
    );
    const often = Array.from({ length: 9 }, (_, i) => line('said', 5 * i, 5 * i + 4, 'A bridge.'));
    expect(fromTimeline('When is the bridge mentioned?', often)?.text).toBe(
      'At 00:00, 00:05, 00:10, 00:15, 00:20, 00:25 and 3 more.',
    );
  });
});

describe('several files', () => {
  const other = 'e'.repeat(64);
  const inOther = (each: Line): Line => ({ ...each, span: { ...each.span, mediumId: other } });
  const media = new Map([
    [mediumId, { name: 'a.mp4' }],
    [other, { name: 'b, c.mp4' }],
  ]);
  const films = [
    line('said', 10, 14, 'The bridge is old.'),
    line('seen', 10, 14, 'A brown dog.'),
    inOther(line('said', 10, 14, 'A bridge was built.')),
    inOther(line('said', 20, 24, 'Lunch costs twelve dollars.')),
  ];

  it.each([
    ['When is the bridge mentioned?', 'At 00:10 in a.mp4 and 00:10 in b, c.mp4.'],
    ['How often is the bridge mentioned?', '2 times: at 00:10 in a.mp4 and 00:10 in b, c.mp4.'],
    ['When is a dog shown?', 'At 00:10 in a.mp4.'],
    [
      'Which is mentioned first, the bridge that was built or lunch?',
      '“the bridge that was built” comes first, at 00:10 in b, c.mp4; the other is at 00:20.',
    ],
    ['What is said after a bridge was built?', 'At 00:20 in b, c.mp4: Lunch costs twelve dollars.'],
  ])('are named beside a time: %s', (question, text) => {
    expect(fromTimeline(question, films, media)?.text).toBe(text);
  });

  it('are named in lists of views and chapters', () => {
    const listed = (kind: Line['kind']) => [line(kind, 0, 5, 'Opening.'), inOther(line(kind, 0, 5, 'Harbour.'))];
    const text = '00:00 in a.mp4: Opening.\n00:00 in b, c.mp4: Harbour.';
    expect(fromTimeline('What does the video show?', listed('seen'), media)?.text).toBe(text);
    expect(fromTimeline('List the chapters.', listed('chapter'), media)?.text).toBe(text);
  });

  it('are not named where only one has times', () => {
    const page: Line = { text: 'Notes.\n', quote: 'Notes.', span: { mediumId: other, line: 1 } };
    expect(fromTimeline('When is the bridge mentioned?', [films[0]!, page], media)?.text).toBe('At 00:10.');
  });
});

describe('quoted', () => {
  it('gives the line that a question is about', () => {
    expect(quoted('In which city is the office?', lines.slice(0, 3))?.text).toBe(
      'It is written: “Annual report. Office: Oslo. Budget: 4200 dollars.”',
    );
  });

  it('gives nothing for what only shares a word', () => {
    expect(quoted('Where did Daniel forget his umbrella stand?', lines)).toBeUndefined();
    expect(quoted('How deep is the coal mine?', lines)).toBeUndefined();
  });

  it('tells the whole in its own words', () => {
    const said = lines.filter(({ kind }) => kind === 'said').map(({ quote }) => quote);
    expect(told('Transcribe this.')?.text).toBe(said.join(' '));
    expect(told('What is said in the recording?')?.lines.map(({ quote }) => quote)).toEqual(said);
    const sign = [line('seen', 0, 5, 'A sign.'), line('written', 0, 5, 'Mind the gap.')];
    expect(fromTimeline('What does the picture say?', sign)?.text).toBe('Mind the gap.');
    expect(fromTimeline('Extract the text.', sign)?.text).toBe('Mind the gap.');
    expect(fromTimeline('Transcribe this.', sign)).toBeUndefined();
    expect(told('What does the video show?')?.text.split('\n')).toEqual([
      '00:00 Written: “Annual report. Office: Oslo. Budget: 4200 dollars.”',
      '00:05 A brown dog on a lawn.',
      '00:10 A train at a station.',
      '00:14 A dog jumps over a train.',
    ]);
    const many = Array.from({ length: 100 }, (_, i) => line('seen', 3 * i, 3 * i + 3, `View ${i}.`));
    expect(fromTimeline('What is shown?', many)?.lines.map(({ span }) => span.start)).toEqual([0, 36, 75, 111, 150, 186, 225, 261]); // prettier-ignore
    expect(fromTimeline('What is said?', many)).toBeUndefined();
  });

  it('tells of a document what it says, where nothing is to be seen', () => {
    const page = (quote: string): Line => ({ quote, text: `${quote}\n`, span: { mediumId, page: 1 } });
    const report = [page('Sales rose in spring.'), page('Costs fell.')];
    expect(fromTimeline('What does this report show?', report)?.text).toBe('Sales rose in spring. Costs fell.');
    expect(isSummarised('shown', report)).toBe(true);
    expect(isSummarised('shown', [...report, line('seen', 0, 5, 'A chart.')])).toBe(false);
    expect(fromTimeline('What does this report show?', [...report, line('seen', 0, 5, 'A chart.')])?.text).toBe('00:00 A chart.'); // prettier-ignore
    expect(fromTimeline('What is shown?', [line('said', 0, 5, 'Hello.')])).toBeUndefined();
  });

  it('tells no view of many twice, and one of few as often as it comes', () => {
    const starts = (seen: Line[]) => fromTimeline('What is shown?', seen)?.lines.map(({ span }) => span.start);
    const turns = (count: number, of: number) => Array.from({ length: count }, (_, i) => line('seen', 3 * i, 3 * i + 3, `View ${i % of}.`)); // prettier-ignore
    expect(starts(turns(8, 2))).toEqual([0, 3, 6, 9, 12, 15, 18, 21]);
    expect(starts(turns(9, 2))).toEqual([0, 3]);
    expect(starts(turns(60, 16))).toEqual([0, 6, 12, 18, 24, 30, 36, 42]);
    const other = { ...line('seen', 0, 3, 'View 0.'), span: { mediumId: 'b'.repeat(64) } };
    expect(fromTimeline('What is shown?', [line('seen', 0, 3, 'View 0.'), other])?.lines).toHaveLength(2);
  });

  it('quotes no page about when something is shown', () => {
    const page: Line = { text: 'Bus 74 goes far.\n', quote: 'Bus 74 goes far.', span: { mediumId, line: 4 } };
    expect(quoted('When is a bus shown?', [...lines, page])).toBeUndefined();
    expect(quoted('Which bus goes far?', [...lines, page])?.text).toBe('It says: “Bus 74 goes far.”');
  });
});

test('a time alone is a guess unless the material names it; a reason is not', () => {
  const told = [line('said', 0, 4, 'We leave at 8:15.')];
  expect(['At 00:12.', 'At 8:15.', 'While it rains.'].map((text) => isGuess(text, told))).toEqual([true, false, false]);
});

test('an answer strays that has nothing of the line that is asked about', () => {
  const told = [
    line('said', 0, 4, 'Clara left the bag in the train.'),
    line('said', 5, 9, 'It was late.'),
    line('said', 10, 14, 'We met at the mall.'),
  ];
  const stray = strays('Where did Clara leave the bag?', told);
  expect(['At the', 'At the mall.', 'In the train.', 'Yes.'].map(stray)).toEqual([true, true, false, true]);
  expect(strays('Did Clara leave the bag?', told)('Yes.')).toBe(false);
  expect(strays('Who sang?', told)('Nobody.')).toBe(false);
  // Zinnia sounds like Denali, but it is written too.
  const codes = [
    line('said', 20, 24, 'The code for project Denali is 3929.'),
    ...told,
    line('said', 40, 44, 'The code for project Zinnia is 3659.'),
  ];
  expect(strays('What is the code for project Zinnia?', codes)('The code for project Zinnia is 3929.')).toBe(true);
  expect(strays('What is the code for project Zinnia?', codes)('It is 3659.')).toBe(false);
  expect(strays('What is the code for project Zinia?', codes)('It is 3659.')).toBe(false);
});

describe('coverage', () => {
  it('is 1 for all words of a question and 0 for none', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('dog', 'train', 'giraffe', 'office', 'the'), { maxLength: 5 }), (words) => {
        for (const share of coverage(words.join(' '), lines)) expect(share >= 0 && share <= 1 + 1e-9).toBe(true);
      }),
    );
    expect(coverage('brown dog', lines)[2]).toBeCloseTo(1);
  });
});
