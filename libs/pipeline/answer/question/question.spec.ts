import { describe, expect, it, test } from 'vitest';
import { asked, withoutAnswerType, withoutPreface } from './question.js';
import { severalQuestions } from './several.js';

describe('asked', () => {
  it.each([
    ['What is said while a dog is shown?', { wanted: 'said', during: 'a dog', about: '' }],
    ['What was said about the budget while the map was visible?', { wanted: 'said', during: 'the map', about: 'the budget' }],
    ['What can be seen while the harbour is mentioned?', { wanted: 'shown', during: 'the harbour' }],
  ])('%s asks for what happens together', (question, wanted) => {
    expect(asked(question)).toMatchObject({ type: 'while', ...wanted });
  }); // prettier-ignore

  it.each([
    ['When is the coffee mentioned?', 'the coffee', 'said'],
    ['When is a train shown?', 'a train', 'shown'],
    ['When does the doorbell ring for the first time?', 'the doorbell ring for the', undefined],
    ['At what time does the rocket appear?', 'the rocket', 'shown'],
  ])('%s asks for a time in the medium', (question, about, sense) => {
    expect(asked(question)).toMatchObject({ type: 'when', about: expect.stringContaining(about.split(' for')[0] ?? ''), sense });
  }); // prettier-ignore

  it.each(['When was the library opened?', 'At what time will Martha arrive?', 'Who says hello?'])(
    '%s asks for what is told',
    (question) => expect(asked(question).type).toBe('other'),
  );

  it.each([
    ['Which of these photos shows a dog?', 'a dog?'],
    ['Which picture has a red bus on it?', 'a red bus on it?'],
  ])('%s asks for pictures', (question, about) => {
    expect(asked(question)).toEqual({ type: 'which', about });
  });

  it('tells comparing pictures from comparing what is told', () => {
    for (const question of ['Compare these two pictures.', "What's in these images?", 'Describe both photos.'])
      expect(asked(question).type).toBe('compare');
    expect(asked('What is in the images folder?').type).toBe('other');
    expect(asked('Compare the two budgets.').type).toBe('other');
  });

  it('knows counts, chapters and summaries', () => {
    expect(asked('How often is Molly named?')).toMatchObject({ type: 'count', about: 'Molly named?' });
    for (const question of [
      'Count how often a dog barks.',
      'On how many occasions did a dog bark?',
      'Count the times that a dog barks.',
    ])
      expect(asked(question)).toMatchObject({ type: 'count', about: expect.stringMatching(/^(?:a )?dog barks?[.?]$/) });
    for (const question of [
      'List the chapters.',
      'Which chapters are there?',
      'What are the chapters of this video?',
      'Give me all chapters with their times, please.',
    ])
      expect(asked(question).type).toBe('chapters');
    for (const question of ['Which chapters mention Bob?', 'Show me the chapters about salt.'])
      expect(asked(question).type).toBe('other');
    expect(asked('Please summarise the talk.').type).toBe('summary');
    expect(asked('Give me an overview of the notes.').type).toBe('summary');
    for (const question of ['What is said in the second chapter?', 'What does the summary slide say?'])
      expect(asked(question).type).toBe('other');
  });
});

describe('withoutAnswerType', () => {
  it('drops the kind of thing that is asked for', () => {
    expect(withoutAnswerType('In which city is the office?')).toMatch(/^In\s+is the office\?$/);
    expect(withoutAnswerType('What is the budget?')).toBe('What is the budget?');
  });
});

describe('withoutPreface', () => {
  it.each([
    ["I'd like to know when the train is shown.", 'When the train is shown.'],
    ['Could you please tell me who sings?', 'Who sings?'],
    ['Tell me about the dog.', 'About the dog.'],
    ['Who can tell me more?', 'Who can tell me more?'],
    ['Do you know?', 'Do you know?'],
  ])('%s', (question, plain) => {
    expect(withoutPreface(question)).toBe(plain);
  });
});

test('a very long question is read in no time', () => {
  const long = `What ${'is said first, a or b while that is shown after '.repeat(330)}?`;
  const started = performance.now();
  expect(asked(long).type).toBe('other');
  withoutAnswerType(withoutPreface(long));
  expect(severalQuestions(long)).toBeUndefined();
  expect(performance.now() - started).toBeLessThan(200);
});
