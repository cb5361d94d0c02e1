import { describe, expect, it } from 'vitest';
import { standalone } from './follow-up.js';

/** Turns of user and assistant by turns, the last of the user. */
const last = (...contents: string[]) =>
  standalone(contents.map((content, i) => ({ role: i % 2 ? 'assistant' : 'user', content })));

describe('a follow-up question', () => {
  it.each([
    [['What is said about the train?', 'It is said: “The train leaves.”', 'When is it shown?'], 'When is the train shown?'],
    [['When does the doorbell ring?', 'At 00:09.', 'And how often does it ring?'], 'How often does the doorbell ring?'],
    [['What is said about the coffee?', 'It was grown in Peru.', 'and who said that?'], 'Who said that about the coffee?'],
    [['Where was Otto Lund born?', 'In Bergen.', 'When did he arrive?'], 'When did Otto Lund arrive?'],
    [['Where was Otto born?', 'In Bergen.', 'What is his job?'], "What is Otto's job?"],
    [['What is in the picture?', 'red chair', 'What colour is it?'], 'What colour is the red chair?'],
    [['What is the budget?', '4200 dollars.', 'When is that mentioned?'], 'When is the budget mentioned?'],
  ])('%j', (turns, question) => {
    expect(last(...turns)).toBe(question);
  }); // prettier-ignore

  it.each([
    [['What is the woman holding?', 'An umbrella.', 'What color is it?'], 'What color is the umbrella?'],
    [['What is the woman holding?', 'Umbrella.', 'What color is it?'], 'What color is the umbrella?'],
    [['What is the woman holding?', 'An umbrella.', 'What color is it?', 'Red.', 'What is she wearing?'], 'What is the woman wearing?'],
    [['What is the woman holding?', 'An umbrella.', 'And the man?'], 'What is the man holding?'],
    [['Who wrote the report?', 'Anna Meyer.', 'When did she write it?'], 'When did Anna Meyer write the report?'],
    [['Who wrote the report?', 'Anna.', 'What is her job?'], "What is Anna's job?"],
    [['Describe this picture.', 'A man riding a horse on a beach.', 'What is he wearing?'], 'What is the man wearing?'],
    [['Describe this picture.', 'A red car parked on a street.', 'What colour is it?'], 'What colour is the red car?'],
    [['What does the man say about the train?', 'It is late.', 'When does he arrive?'], 'When does the man arrive?'],
  ])('%j means what fits the pronoun', (turns, question) => {
    expect(last(...turns)).toBe(question);
  }); // prettier-ignore

  it.each([
    [['How many people are there?', 'Three.', 'What are they doing?'], 'What are the people doing?'],
    [['How many people are in the car?', 'Three.', 'What color is it?'], 'What color is the car?'],
    [['What colour is the car?', 'Orange.', 'How fast is it?'], 'How fast is the car?'],
    [['What is the cat doing?', 'Sleeping.', 'What colour is it?'], 'What colour is the cat?'],
  ])('%j is about no number, colour or deed', (turns, question) => {
    expect(last(...turns)).toBe(question);
  });

  it.each(['Is it raining?', 'What time is it?', 'Is it day or night?', "Is it ten o'clock?", 'What is he wearing?'])(
    'after the train, %s stays as it was asked',
    (question) => {
      expect(last('Where is the train?', 'In the station.', question)).toBe(question);
    },
  );

  it('asks what happens at a time that was listed', () => {
    const times = ['When is the train shown?', 'At 0:20 and 1:05.'];
    expect(last(...times, 'What is said the second time?')).toBe('What is said at 1:05?');
    expect(last(...times, 'What is said at the second time?')).toBe('What is said at 1:05?');
    expect(last(...times, 'What time is it mentioned?')).toBe('What time is the train mentioned?');
  });

  it('leaves another language alone', () => {
    expect(last('Was macht die Frau?', 'Sie liest.', 'Was liest sie?')).toBe('Was liest sie?');
  });

  it.each([
    [['When is the train shown?', 'At 00:30.', 'What about the dog?'], 'When is the dog shown?'],
    [['When is the train shown?', 'At 00:30.', 'And the dog?'], 'When is the dog shown?'],
    [['Where was Otto born?', 'In Bergen.', 'How about Freya?'], 'Where was Freya born?'],
  ])('%j asks the same of another thing', (turns, question) => {
    expect(last(...turns)).toBe(question);
  });

  it.each([
    [['Compare these two pictures.', 'lawn.jpg: A dog.\nrail.jpg: A train.', 'What about the second one?'], /rail\.jpg/],
    [['When does the bell ring?', 'At 00:10 and 00:31.', 'What is said at the second one?'], /^What is said at 00:31\?$/],
  ])('%j points at what was listed', (turns, question) => {
    expect(last(...turns)).toMatch(question);
  }); // prettier-ignore

  it.each([
    [['Compare these two pictures.', 'lawn.jpg: A dog.\nrail.jpg: A train.', 'What about the second?'], 'What about rail.jpg? Compare these two pictures.'],
    [['When does the bell ring?', 'At 00:10 and 00:31.', 'What does the last show?'], 'What does 00:31 show?'],
    [['When does the bell ring?', 'At 00:10 and 00:31.', 'What is said at the other of them?'], 'What is said at 00:31?'],
  ])('%j points at what was listed, without its noun', (turns, question) => {
    expect(last(...turns)).toBe(question);
  }); // prettier-ignore

  it.each([
    ['At 00:10 and 00:31.', 'What does the last speaker say?'],
    ['At 00:10 and 00:31.', 'When does the dog bark for the last time?'],
    ['Customer: Anna Meyer\nTotal: 30 Euro', 'What is the last name of the customer?'],
    ['Term: May\nTotal: 30 Euro', 'When is the first payment due?'],
  ])('after %j, %s counts something of its own', (answer, question) => {
    expect(last('What is this?', answer, question)).toBe(question);
  });

  it('goes back over several turns', () => {
    expect(last('What is said about the umbrella?', 'It is in the office.', 'When is it mentioned?', 'At 00:06.', 'How often is it mentioned?')).toBe('How often is the umbrella mentioned?'); // prettier-ignore
  });

  it.each([
    'When is the train shown?',
    'What does the man say that he wants?',
    'Who says that the shop is closed?',
    'What is said in the second chapter?',
    'And when is the train shown?',
  ])('%s stands alone', (question) => {
    expect(last('What is said about the coffee?', 'It was grown in Peru.', question).toLowerCase()).toBe(question.replace(/^And /, '').toLowerCase()); // prettier-ignore
  });

  it('is the only question where there is one', () => {
    expect(last('When is it shown?')).toBe('When is it shown?');
  });
});
