import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Line } from '../../compose/lines.js';
import { titleOf, topics } from './topics.js';

const line = (quote: string, i: number, kind: Line['kind'] = 'said'): Line => ({
  quote,
  kind,
  text: `${quote}\n`,
  span: { mediumId: 'f'.repeat(64), start: i, end: i + 1 },
});
const about = (...things: string[]) => Array.from({ length: 8 }, (_, i) => `The ${things[i % 2]} and the ${things[(i + 1) % things.length]}.`); // prettier-ignore

test('parts are cut where the words change', () => {
  const said = [...about('harbour', 'ship', 'sailor'), ...about('bread', 'oven', 'flour')];
  const found = topics(said.map((quote, i) => line(quote, i)));
  expect(found.map((topic) => topic.length)).toEqual([8, 8]);
  const all = found.flat();
  expect(found.map((topic) => titleOf(topic, all)?.quote)).toEqual([
    expect.stringMatching(/harbour|ship/),
    expect.stringMatching(/bread|oven/),
  ]);
});

test('a slide is the title of its part', () => {
  const lines = [
    line('Welcome to the talk.', 0),
    line('Results of the year.', 1, 'written'),
    line('Sales went up.', 2),
  ];
  expect(titleOf(lines, lines)?.quote).toBe('Results of the year.');
});

test('no line is lost, whatever is said', () => {
  const word = fc.constantFrom('harbour', 'ship', 'bread', 'oven', 'the', '');
  fc.assert(
    fc.property(fc.array(fc.array(word, { maxLength: 5 }), { maxLength: 60 }), (said) => {
      const lines = said.map((words, i) => line(words.join(' '), i));
      const found = topics(lines);
      expect(found.flat()).toEqual(lines);
      expect(found.length).toBeLessThanOrEqual(12);
    }),
  );
});
