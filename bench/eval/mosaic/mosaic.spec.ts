import { describe, expect, it } from 'vitest';
import type { Answer } from '#contracts';
import { Random } from './random.js';
import { judge, timeIn, type Truth } from './score.js';
import { plainPhotographs, writeScript, type Question } from './script.js';

const photographs = ['dog', 'cat', 'train', 'pizza', 'zebra', 'bus'].map((thing) => ({ file: `${thing}.jpg`, thing }));

describe('writeScript', () => {
  it('gives the same films for the same seed, and others for another', () => {
    const script = (seed: number) => writeScript(0, new Random(seed), photographs);
    expect(script(3)).toEqual(script(3));
    expect(script(3)).not.toEqual(script(4));
  });

  it('asks ten questions that the film or the notes answer', () => {
    for (let index = 0; index < 6; index++) {
      const { scenes, notes, questions } = writeScript(index, new Random(index), photographs);
      expect(questions).toHaveLength(10);
      for (const { kind, answer, scenes: evidence, line } of questions) {
        const material = line === undefined ? evidence.map((i) => [scenes[i]?.said, ...(scenes[i]?.slide ?? [])].join(' ')).join(' ') : (notes[line - 1] ?? ''); // prettier-ignore
        if (kind === 'absent') expect(evidence).toEqual([]);
        else expect(material).not.toBe('');
        if (kind !== 'how often')
          for (const spellings of answer)
            expect(spellings.some((spelling) => material.toLowerCase().includes(spelling.toLowerCase()))).toBe(true);
        else expect(answer[0]).toContain(String(evidence.length));
      }
    }
  });
});

describe('plainPhotographs', () => {
  it('takes photographs whose captions agree on one thing', () => {
    const captions = ['A dog runs.', 'Two dogs in a park.', 'A brown dog.'];
    expect(
      plainPhotographs([
        { file: 'a', captions },
        { file: 'b', captions: [...captions, 'A dog and a cat.'] },
        { file: 'c', captions: ['A man.', 'A dog.', 'A person.'] },
      ]),
    ).toEqual([{ file: 'a', thing: 'dog' }]);
  });
});

describe('judge', () => {
  const scenes = [0, 5, 10].map((start) => ({ start, end: start + 5 }));
  const truth = (question: Partial<Question>): Truth => ({
    question: { kind: 'said', text: '?', answer: [], scenes: [1], ...question },
    scenes,
    film: 'f.mp4',
    notes: 'n.txt',
  });
  const cites = (start: number, end: number, input = 'f.mp4', line?: number): Answer['citations'] => [
    { input, mediumId: 'a', start, end, page: null, quote: '', weight: 1, ...(line === undefined ? {} : { line }) },
  ];

  it('wants every part of an answer in one of its spellings', () => {
    const question = { answer: [['seven', '7'], ['Oslo']] };
    expect(judge({ text: 'In Oslo at 7.', citations: cites(6, 8) }, truth(question))).toEqual({
      right: true,
      cited: true,
    });
    expect(judge({ text: 'In Oslo at 17.', citations: cites(1, 5) }, truth(question))).toEqual({
      right: false,
      cited: false,
    });
  });

  it('wants a time within two seconds of the scene', () => {
    const question = { kind: 'when said' as const };
    expect(judge({ text: 'At 00:06.', citations: [] }, truth(question)).right).toBe(true);
    expect(judge({ text: 'At 00:08.', citations: [] }, truth(question)).right).toBe(false);
    expect(judge({ text: 'In the morning.', citations: [] }, truth(question)).right).toBe(false);
  });

  it('wants no answer and no citation where there is none', () => {
    const question = { kind: 'absent' as const, scenes: [] };
    expect(judge({ text: "I can't find that in the material.", citations: [] }, truth(question))).toEqual({
      right: true,
      cited: true,
    });
    expect(judge({ text: 'Bruno.', citations: cites(0, 1) }, truth(question))).toEqual({ right: false, cited: false });
  });

  it('knows the line of the notes', () => {
    const question = { kind: 'document' as const, scenes: [], line: 3 };
    expect(judge({ text: '', citations: cites(0, 0, 'n.txt', 3) }, truth(question)).cited).toBe(true);
    expect(judge({ text: '', citations: cites(0, 0, 'n.txt', 4) }, truth(question)).cited).toBe(false);
  });

  it.each([
    ['At 01:02', 62],
    ['at 1:00:05.', 3605],
    ['after 12 seconds', 12],
    ['never', undefined],
  ])('%s is %s s', (text, seconds) => {
    expect(timeIn(text)).toBe(seconds);
  });
});
