import { describe, expect, it } from 'vitest';
import { asksForDescription } from './description.js';

describe('a question about a picture', () => {
  it.each([
    '',
    'Describe this image.',
    'Please describe the picture in detail.',
    'Could you describe what you see?',
    'Describe it',
    'describe the attached photo in one sentence',
    'Caption this image',
    'Write a short caption for this picture.',
    'Give me a description of the photo',
    "What's in this image?",
    'What’s in the photo?',
    'What is in the image',
    'What do you see?',
    'What can you see in this picture?',
    'What can be seen here?',
    'What does the image show?',
    'What does this picture depict?',
    'What is shown in the photograph?',
    'What is happening here?',
    "What's going on in this scene?",
    'What is happening in the picture?',
    'What is this a picture of?',
    'What is the picture about?',
    'What am I looking at?',
    'Tell me about this picture.',
    'Tell me what you see.',
  ])('asks for a description: %s', (question) => expect(asksForDescription(question)).toBe(true));

  it.each([
    'What is this?',
    'What animal is in this image?',
    'What is on the table?',
    'What is on the table in this picture?',
    'Describe the dog’s collar.',
    'Describe the chair in the picture.',
    'How many cups are in this image?',
    'What color is the picture frame?',
    'What is written in the picture?',
    'What is the picture on the wall of?',
    'What is in the image of the bottle?',
    'Who do you see in the mirror?',
    'What do you see behind the sofa?',
    `Describe this image. ${'Really. '.repeat(60)}`,
  ])('asks something else: %s', (question) => expect(asksForDescription(question)).toBe(false));
});
