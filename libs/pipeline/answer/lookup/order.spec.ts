import { describe, expect, it } from 'vitest';
import type { Line } from '../../compose/lines.js';
import { fromTimeline } from './from-timeline.js';
import { orderAsked } from './order.js';

const mediumId = 'd'.repeat(64);
const line = (kind: Line['kind'], start: number, quote: string): Line => ({
  kind,
  quote,
  text: `${quote}\n`,
  span: { mediumId, start, end: start + 4 },
});
const lines = [
  line('said', 0, 'Welcome to the harbour tour.'),
  line('seen', 0, 'A boat in front of a pier.'),
  line('said', 5, 'The lighthouse was built in 1884.'),
  line('seen', 5, 'A white tower on a rock.'),
  line('said', 10, 'Now the ferry blows its horn.'),
  line('seen', 10, 'A ferry full of people.'),
  line('said', 15, 'Lunch costs twelve dollars.'),
];
const told = (question: string) => fromTimeline(question, lines);

describe('which of two comes first', () => {
  it.each([
    'Which comes first: "The lighthouse was built in 1884" or "Lunch costs twelve dollars"?',
    'Which is mentioned first, the lighthouse being built or what lunch costs?',
    'What came earlier: lunch or the lighthouse?',
    'Is lunch mentioned before or after the lighthouse?',
    'Which happens first, lunch or the lighthouse?',
  ])('%s', (question) => {
    const answer = told(question);
    expect(answer?.text).toMatch(/lighthouse.*comes first, at 00:05; the other is at 00:15\.$/);
    expect(answer?.lines.map(({ span }) => span.start)).toEqual([5, 15]);
  });

  it('tells the last as well', () => {
    expect(told('Which comes last, the lighthouse or lunch?')?.text).toMatch(/^“lunch” comes last, at 00:15/);
  });

  it('leaves the order of the world to what tells its times', () => {
    const born = [line('said', 0, 'Alice Meyer was born in 1990.'), line('said', 5, 'Bob Stone was born in 1985.')];
    for (const question of ['Was Alice born before Bob?', 'Who was born first, Alice Meyer or Bob Stone?'])
      expect(fromTimeline(question, born)).toBeUndefined();
    expect(fromTimeline('Who is mentioned first, Alice Meyer or Bob Stone?', born)?.text).toMatch(
      /^“Alice Meyer” comes first/,
    );
  });

  it('does not order what is not there', () => {
    expect(told('Which comes first, the volcano or lunch?')).toBeUndefined();
    expect(told('Which comes first, the welcome to the harbour or the boat at the pier?')).toBeUndefined();
  });
});

describe('what comes next to something', () => {
  it.each([
    ['What is said right after the lighthouse is mentioned?', 'At 00:10: Now the ferry blows its horn.'],
    ['What happens after the ferry blows its horn?', 'At 00:15: Lunch costs twelve dollars.'],
    ['What was said before lunch was mentioned?', 'At 00:10: Now the ferry blows its horn.'],
    ['What is shown before the white tower is seen?', 'At 00:00: A boat in front of a pier.'],
    ['What comes immediately before "Now the ferry blows its horn."?', 'At 00:05: The lighthouse was built in 1884.'],
  ])('%s', (question, text) => {
    expect(told(question)?.text).toBe(text);
  });

  it('has nothing before the first, and after what is not there', () => {
    expect(told('What is said before the welcome to the harbour tour?')).toBeUndefined();
    expect(told('What happens after the earthquake?')).toBeUndefined();
  });
});

it.each(['What does he do after work?', 'What was built before the war?', 'Who was first?', 'What is the first name of the captain?'])(
  '%s asks for no place in the timeline',
  (question) => expect(orderAsked(question)).toBeUndefined(),
); // prettier-ignore
