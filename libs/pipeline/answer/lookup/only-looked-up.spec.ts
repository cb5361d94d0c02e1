import { describe, expect, it } from 'vitest';
import type { Line } from '../../compose/lines.js';
import { asked } from '../question/question.js';
import { isOnlyLookedUp } from './only-looked-up.js';

const mediumId = 'e'.repeat(64);
const said = (quote: string): Line => ({
  kind: 'said',
  quote,
  text: `${quote}\n`,
  span: { mediumId, start: 0, end: 4 },
});
const page = (quote: string): Line => ({ quote, text: `${quote}\n`, span: { mediumId, page: 1 } });
const isRefused = (question: string, ...lines: Line[]) => isOnlyLookedUp(asked(question), lines);

describe('what only the timeline can answer', () => {
  it('is what goes on at a time of a film', () => {
    expect(isRefused('What is said at 12:00?', said('Welcome everybody.'))).toBe(true);
    expect(isRefused('What is said while a dog is shown?', said('Welcome everybody.'))).toBe(true);
  });

  it('is not what goes on at a time of day that is told', () => {
    expect(isRefused('What happens at 10:30?', page('At 10:30 there is a coffee break.'))).toBe(false);
    expect(isRefused('What happens at 10:30?', said('At 10:30 there is a coffee break.'))).toBe(false);
    expect(isRefused('What happens at 0:30?', said('At 10:30 there is a coffee break.'))).toBe(true);
    expect(isRefused('What happens at 9:15?', page('We begin at a quarter past nine.'))).toBe(false);
  });

  it('is not what anybody could read', () => {
    expect(isRefused('Who sings?', said('Welcome everybody.'))).toBe(false);
  });
});
