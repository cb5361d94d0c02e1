import { describe, expect, it } from 'vitest';
import { placed, type Place } from './place.js';

const shortly = (place: Place): string =>
  place.by === 'edge' ? `${place.fromEnd ? 'end' : 'beginning'}` : `${place.by} ${place.from}..${place.to}${place.fromEnd ? ' back' : ''}`; // prettier-ignore
const places = (question: string): string[] => placed(question).places.map(shortly);

describe('placed', () => {
  it.each([
    ['What is on page 3?', ['page 3..3']],
    ['What does Slide two say?', ['page 2..2']],
    ['What is on the third sheet?', ['page 3..3']],
    ['What is on pages 3, 4 and 7?', ['page 3..3', 'page 4..4', 'page 7..7']],
    ['What is on pages 3-5?', ['page 3..5']],
    ['What is told between page 3 and page 5?', ['page 3..5']],
    ['What comes after page 3?', ['page 4..Infinity']],
    ['What is on the first page?', ['page 1..1']],
    ['What is on the last page?', ['page 0..0 back']],
    ['What is in line 12?', ['line 12..12']],
  ])('%s', (question, expected) => {
    expect(places(question)).toEqual(expected);
  });

  it.each([
    ['What is said between 1:00 and 2:00?', ['time 60..120']],
    ['What is said from 1:00:00 to 1:10:00?', ['time 3600..4200']],
    ['What is said from minute 1 to 2?', ['time 60..120']],
    ['What is said in the first minute?', ['time 0..60']],
    ['What is said in the second minute?', ['time 60..120']],
    ['What is said in the first 30 seconds?', ['time 0..30']],
    ['What is said in the last minute?', ['time 0..60 back']],
    ['What is said after the first two minutes?', ['time 120..Infinity']],
    ['What is said before the last minute?', ['time 60..Infinity back']],
    ['What is said after 1:30?', ['time 90..Infinity']],
    ['What is said before 0:45?', ['time 0..45']],
    ['What is said at the end?', ['end']],
    ['What happens at the beginning of the film?', ['beginning']],
  ])('%s', (question, expected) => {
    expect(places(question)).toEqual(expected);
  });

  it.each([
    'What happens at 1:05?',
    'When is Otto first mentioned?',
    'What is said last?',
    'What was decided at the last minute?',
    'What happened at the end of March?',
    'Who is at the end?',
    'Which shop is open from 1:00 pm to 2:00 pm?',
    'What is said after 9:30 is mentioned?',
    'Was steht auf Seite 3?',
  ])('%s names none', (question) => {
    expect(placed(question)).toEqual({ places: [], rest: question });
  });

  it('leaves the rest of the question', () => {
    expect(placed('What is said about Otto on page 3?').rest).toBe('What is said about Otto?');
    expect(placed('What does Otto say between 1:00 and 2:00?').rest).toBe('What does Otto say?');
  });

  it('takes no time over what looks like a place for long', () => {
    const started = performance.now();
    for (const part of ['page 1, ', '1:00 to ', 'the first ', 'at the ', 'between ', '1'])
      placed(part.repeat(400 / part.length));
    expect(performance.now() - started).toBeLessThan(200);
  });
});
