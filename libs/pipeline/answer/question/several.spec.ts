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
    ['What is said about the Kiwi and Otto?', ['What is said about the Kiwi?', 'What is said about Otto?']],
    ['Who wrote Hamlet and Faust?', ['Who wrote Hamlet?', 'Who wrote Faust?']],
    ['What did Anna tell Bob and Carl?', ['What did Anna tell Bob?', 'What did Anna tell Carl?']],
    ['What are the codes for project Amber and Ruby?', ['What is the code for project Amber?', 'What is the code for project Ruby?']],
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
      'What did Anna tell Bob and uncle Carl?',
      'Who is older, Tom or Anna?',
      'Who won, Anna or Ben?',
      'Who wrote it: Anna or Ben?',
      'Where did they meet, Paris or London?',
      'What do Tom and Anna have in common?',
      'What is the relationship of Anna and Ben?',
      'Who married Anna and Ben?',
      'What is the total of January and February?',
      'What is the distance between Paris and London?',
    ])
      expect(severalQuestions(question)).toBeUndefined();
  });

  it('leaves names together that the material has only together', () => {
    const together = ['The first play was Romeo and Juliet.', 'It was written in 1595.'];
    expect(severalQuestions('Who wrote Romeo and Juliet?', together)).toBeUndefined();
    const apart = ['Otto and Freya are friends.', 'Otto was born in Bergen.', 'Freya was born in Oslo.'];
    expect(severalQuestions('Where were Otto and Freya born?', apart)).toHaveLength(2);
  });
});
