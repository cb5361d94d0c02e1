import { describe, expect, it } from 'vitest';
import type { Line } from '../../compose/lines.js';
import { fromTimeline } from '../lookup/from-timeline.js';
import { Wanted } from './related-words.js';
import { WordNet } from './word-net.js';

describe('Wanted', () => {
  it.each([
    ['music', 'drums'],
    ['music', 'musical'],
    ['animal', 'giraffe'],
    ['vehicle', 'bus'],
    ['fruit', 'apples'],
    ['person', 'children'],
    ['pizza', 'food'],
    ['winner', 'won'],
  ])('%s is told by %s', (asked, told) => expect(new Wanted(asked).toldBy(told)).toBeGreaterThan(0.6));

  it.each([
    ['music', 'plays'],
    ['animal', 'mall'],
    ['airplane', 'plans'],
    ['food', 'won'],
    ['dog', 'cat'],
    ['cow', 'animal'],
    ['drum', 'entity'],
    ['lighthouse', 'house'],
    ['xyzzy', 'plugh'],
  ])('%s is not told by %s', (asked, told) => expect(new Wanted(asked).toldBy(told)).toBe(0));

  it('tells the nearer kind sooner', () => {
    const animal = new Wanted('animal');
    expect(animal.toldBy('dog')).toBeGreaterThan(animal.toldBy('giraffe'));
    expect(animal.toldBy('animals')).toBeGreaterThan(animal.toldBy('dog'));
  });
});

describe('WordNet', () => {
  const net = new WordNet('2\nbus\t0\t\nbusman\t\tbus\nbus autobus ~double\t1\nvehicle\t\n');

  it('finds a noun in its singular and plural', () => {
    expect(net.noun('bus')).toEqual({ word: 'bus', meanings: [0], derived: [] });
    expect(net.noun('buses')?.word).toBe('bus');
    expect(net.noun('busman')).toEqual({ word: 'busman', meanings: [], derived: ['bus'] });
    for (const other of ['', 'a', 'bu', 'busm', 'zoo']) expect(net.noun(other)).toBeUndefined();
  });

  it('parts what stands before the last word of a name', () => {
    expect(net.meaning(0)).toEqual({ names: ['bus', 'autobus'], parts: ['double'], above: [1] });
    expect(net.meaning(1)).toEqual({ names: ['vehicle'], parts: [], above: [] });
  });
});

describe('fromTimeline, where no line holds the words', () => {
  const line = (kind: Line['kind'], start: number, quote: string): Line => ({
    kind,
    quote,
    text: `${quote}\n`,
    span: { mediumId: 'd'.repeat(64), start, end: start + 4 },
  });
  const lines = [
    line('said', 0, 'Welcome everybody to this talk.'),
    line('seen', 0, 'A plate of food on a table.'),
    line('said', 5, 'Harold plays the drums every evening.'),
    line('seen', 5, 'A bus on a street.'),
    line('said', 10, 'The workshop will move to Oslo.'),
    line('seen', 10, 'A bench in a park.'),
  ];
  const told = (question: string, all = lines) => fromTimeline(question, all)?.text;

  it('names the time of what is near in meaning, with what is told there', () => {
    expect(told('When is something said about the music?')).toBe('At 00:05: “Harold plays the drums every evening.”');
    expect(told('When is a vehicle shown?')).toBe('At 00:05: “A bus on a street.”');
    expect(told('When is a pizza shown?')).toBe('At 00:00: “A plate of food on a table.”');
    expect(told('What is said while a vehicle is shown?')).toBe(
      'While “A bus on a street.” is shown: Harold plays the drums every evening.',
    );
  });

  it('never where a line holds the words themselves', () => {
    const more = [...lines, line('said', 15, 'The music stops.'), line('seen', 15, 'A pizza.')];
    expect(told('When is something said about the music?', more)).toBe('At 00:15.');
    expect(told('When is a pizza shown?', more)).toBe('At 00:15.');
  });

  it('is silent about what is not there, and where many lines are as near', () => {
    expect(told('When is something said about the weather?')).toBeUndefined();
    expect(told('When is a giraffe shown?')).toBeUndefined();
    const dogs = [20, 25, 30].map((start) => line('seen', start, `A dog at ${start}.`));
    expect(told('When is an animal shown?', [...lines, ...dogs])).toBeUndefined();
  });
});
