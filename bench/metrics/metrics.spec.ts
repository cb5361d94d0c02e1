import { describe, expect, it } from 'vitest';
import { bleu4 } from './bleu.js';
import { ciderD } from './cider.js';
import { rougeL } from './rouge.js';
import { captionWords } from './words.js';

const references = [
  ['A cat sits on a mat.', 'The cat is sitting on the mat.'],
  ['Two dogs run in a park.', 'Dogs are running through the park.'],
  ['A red bus on the street.', 'A bus drives down a street.'],
].map((refs) => refs.map(captionWords));
const candidates = ['A cat is sitting on the mat.', 'A dog runs in the park.', 'A red bus drives down the street.'].map(
  captionWords,
);

const EXPECTED = { cider: [516.86, 108.85, 378.04], bleu: 52.2013, rouge: 65.6842 };

/** Expected values were computed with pycocoevalcap on the same words. */
describe('caption metrics', () => {
  it('CIDEr-D equals the reference implementation', () => {
    const { scores, mean } = ciderD(candidates, references);
    expect(scores.map((score) => Number(score.toFixed(2)))).toEqual(EXPECTED.cider);
    expect(mean).toBeCloseTo(EXPECTED.cider.reduce((a, b) => a + b) / 3, 1);
  });

  it('BLEU-4 and ROUGE-L equal the reference implementation', () => {
    expect(bleu4(candidates, references)).toBeCloseTo(EXPECTED.bleu, 2);
    expect(rougeL(candidates, references)).toBeCloseTo(EXPECTED.rouge, 2);
  });
});
