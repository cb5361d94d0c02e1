import { expect, test } from 'vitest';
import { decodeGreedy } from './greedy.js';

const END = 1;
const softmax = (logits: Float32Array, id: number) =>
  Math.log(Math.exp(logits[id]!) / logits.reduce((sum, logit) => sum + Math.exp(logit), 0));

/** A model of four tokens that says the same at each step, whatever was said. */
const decode = (steps: number[][][], leastEmpty?: number) =>
  decodeGreedy({
    start: steps.map(() => [0]),
    limits: steps.map(() => 4),
    end: END,
    leastEmpty,
    hotwords: [],
    step: (_, position) => {
      const rows = steps.map((row) => Float32Array.from(row[position]!));
      return Promise.resolve({
        best: (row) => {
          const id = rows[row]!.indexOf(Math.max(...rows[row]!));
          return { id, logprob: softmax(rows[row]!, id) };
        },
        logits: (row) => rows[row]!,
      });
    },
  });

const UNSURE = [0, 1, 0.9, 0.8];
const SURE = [0, 9, 0, 1];
const WORD = [0, 0, 9, 1];

test('an end before the first word counts where the model is sure of it, or nothing is asked of it', async () => {
  const steps = [
    [UNSURE, WORD, SURE],
    [SURE, SURE, SURE],
    [WORD, UNSURE, SURE],
  ];
  const tokens = async (leastEmpty?: number) => (await decode(steps, leastEmpty)).map((result) => result.tokens);
  expect(await tokens()).toEqual([[], [], [2]]);
  expect(await tokens(Math.log(0.5))).toEqual([[2, 2], [], [2]]);
});

test('what is said instead has its own probability', async () => {
  const [result] = await decode([[UNSURE, SURE]], Math.log(0.5));
  expect(result!.logprobs[0]).toBeCloseTo(softmax(Float32Array.from(UNSURE), 2), 5);
});
