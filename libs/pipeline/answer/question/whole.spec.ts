import { describe, expect, it } from 'vitest';
import { withoutPreface } from './question.js';
import { asksForDescription, wholeAsked, type Whole } from './whole.js';

const ASKED: Record<Whole, string[]> = {
  transcript: [
    'Transcribe this.',
    'Please transcribe the recording.',
    'Can you transcribe this audio file for me?',
    'Transcribe the video word for word',
    'Write down what is said.',
    'Write down everything that is said in the film.',
    'Give me a transcript.',
    'Show me the full transcript of the video.',
    'Transcript',
  ],
  said: [
    'What is said?',
    'What’s said in this recording?',
    'What is being said here?',
    'What does the speaker say?',
    'What do they talk about in the podcast?',
    'What is the man saying?',
    'What do you hear?',
    'What can be heard in this clip?',
    'What is in this recording?',
    "What's in the audio?",
  ],
  shown: [
    'What is shown in the video?',
    'What do you see?',
    'What can be seen in this film?',
    'What does the video show?',
  ],
  written: [
    'Extract the text from this image.',
    'Extract all text',
    'Read the text in the picture.',
    'What is written?',
    'What’s written on this page?',
    'What text is in this image?',
    'What text do you see?',
    'OCR this image',
  ],
  about: [
    'What is this about?',
    'What is this video about?',
    'What’s the document about?',
    'Tell me about this film.',
    'Tell me what the video is about.',
    'What is in this file?',
    "What's in the PDF?",
    'What does the report cover?',
    'Describe this video.',
    'Can you explain this document to me in a few words?',
    'What happens in the video?',
    'What is going on here?',
  ],
};

describe('a question about the whole material', () => {
  it.each(Object.entries(ASKED).flatMap(([whole, questions]) => questions.map((question) => [question, whole])))(
    '%s → %s',
    (question, whole) => expect(wholeAsked(withoutPreface(question))).toBe(whole),
  );

  it.each([
    'What is said about the coffee?',
    'What is said at 01:20?',
    'What is said while a cat is shown?',
    'What does the speaker say about Peru?',
    'What is on the paper?',
    'What is the second story about?',
    'What is written on the blackboard?',
    'What does the text say about costs?',
    'What is the film in the cinema about?',
    'What is shown after the rocket?',
    'What is shown on the screen behind the speaker?',
    'What happens after the bell rings?',
    'What is in the box?',
    'What does the report say about costs?',
    'Describe the rocket.',
    'Tell me about the harbour.',
    'Who is speaking?',
    'When is the bridge mentioned?',
    'Translate this into French.',
  ])('%s is about a part', (question) => expect(wholeAsked(withoutPreface(question))).toBeUndefined());
});

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
