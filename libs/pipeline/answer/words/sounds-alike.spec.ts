import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Line } from '../../compose/lines.js';
import { coverage } from './coverage.js';
import { heardIn, likeness, soundOf } from './sounds-alike.js';

const heard = (words: string, line: string): boolean => heardIn(soundOf(words), soundOf(line), false) > 0;

describe('heardIn', () => {
  it.each([
    ['umbrella', 'She left the unbrella here.'],
    ['doorbell', 'The out and door bell rings.'],
    ['trumpet', 'He plays not rump it every evening.'],
    ['rooster crows', 'The rooster crawls outside.'],
    ['bicycle race', 'The winner of the musical race was Clara.'],
    ['photograph', 'A fotograf of the sea.'],
  ])('finds %s in "%s"', (words, line) => {
    expect(heard(words, line)).toBe(true);
  });

  it.each([
    ['coal mine', 'A cold wind blows along the line.'],
    ['lighthouse', 'The workshop will move to Denver next year.'],
    ['race', 'It was the right place.'],
    ['', 'Anything.'],
    ['1984', 'Anything.'],
  ])('does not find %s in "%s"', (words, line) => {
    expect(heard(words, line)).toBe(false);
  });

  it('is certain of what is said as it is written', () => {
    const word = fc.stringMatching(/^[b-df-hj-np-tv-z][aeiou][b-df-hj-np-tv-z]{1,2}[aiou]$/);
    fc.assert(
      fc.property(word, fc.array(word), fc.array(word), (asked, before, after) => {
        const line = [...before, asked, ...after].join(' ');
        expect(likeness(soundOf(asked), soundOf(line))).toBeGreaterThan(0.7);
        expect(likeness(soundOf(asked), soundOf(asked))).toBeCloseTo(1);
      }),
    );
  });

  it('stops looking only where nothing was to be found', () => {
    const words = fc.stringMatching(/^[a-z]{1,9}( [a-z]{1,9}){0,6}$/);
    fc.assert(
      fc.property(words, words, fc.boolean(), (asked, line, eased) => {
        const [sound, stretch] = [soundOf(asked), soundOf(line)];
        const found = likeness(sound, stretch);
        if (heardIn(sound, stretch, eased) > 0) expect(heardIn(sound, stretch, eased)).toBe(found);
        else expect(sound.weight >= 3.2 && found >= 0.96).toBe(false);
      }),
    );
  });
});

describe('coverage of what was heard', () => {
  const said = (quote: string, kind: Line['kind'] = 'said'): Line => ({ quote, kind, text: quote, span: { mediumId: 'a' } });

  it('takes two neighbouring words that were run together or apart', () => {
    const lines = ['Welcome to the show.', 'A rooster grows upside.', 'The door was painted.', 'The rooster crawls outside.'].map((quote) => said(quote));
    const shares = coverage('a rooster crow', lines);
    expect(Math.min(shares[1]!, shares[3]!)).toBeGreaterThan(0.65 * Math.max(...shares));
    expect([shares[0], shares[2]]).toEqual([0, 0]);
  });

  it('takes writing at its letters', () => {
    expect(coverage('umbrella', [said('The unbrella.', 'written')])).toEqual([0]);
  });
}); // prettier-ignore
