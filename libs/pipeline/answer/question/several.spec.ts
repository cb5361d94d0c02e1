import { describe, expect, it } from 'vitest';
import { severalQuestions } from './several.js';

const questions = (question: string) => severalQuestions(question)?.map((one) => one.question);

describe('severalQuestions', () => {
  it.each([
    [
      'What are the codes for project Amber, project Ruby and project Zinnia?',
      ['What is the code for project Amber?', 'What is the code for project Ruby?', 'What is the code for project Zinnia?'],
    ],
    ['Please give me the code of Otto, that of Freya and that of Klaus.', ['Please give me the code of Otto.', 'Please give me the code of Freya.', 'Please give me the code of Klaus.']],
    ['Where were Otto and Freya born?', ['Where was Otto born?', 'Where was Freya born?']],
    ['When do Anna, Ben and Chris arrive?', ['When does Anna arrive?', 'When does Ben arrive?', 'When does Chris arrive?']],
    [
      'What is said about the coffee, the rocket and the old cat?',
      ['What is said about the coffee?', 'What is said about the rocket?', 'What is said about the old cat?'],
    ],
    ['What colour are the Kiwi and the Laurel?', ['What colour is the Kiwi?', 'What colour is the Laurel?']],
  ])('%s', (question, expected) => {
    expect(questions(question)).toEqual(expected);
  }); // prettier-ignore

  it('leaves alone what is asked about several things together', () => {
    for (const question of [
      'What is the difference between Oslo and Bergen?',
      'Which comes first, Otto or Freya?',
      'What is said about salt and pepper?',
      'How often are Otto and Freya mentioned?',
      'Is Otto in Bergen?',
      'Compare Oslo and Bergen.',
    ])
      expect(severalQuestions(question)).toBeUndefined();
  });
});
