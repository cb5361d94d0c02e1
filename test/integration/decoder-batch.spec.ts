import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadAddon } from '../../libs/decoder/kernel/native/addon.js';
import { Sequence } from '../../libs/decoder/engine/sequence.js';
import { openParts, type Parts } from '../support/decoder.js';

const text = (value: string) => ({ type: 'text' as const, text: value, special: true });
const MATERIAL = 'Number seven is written on a red wall. A dog sleeps beside the library. ';
const QUESTIONS = [
  'Who sleeps?',
  'What is written there?',
  'Which colour is the wall?',
  'Where does the dog sleep at noon?',
];

let parts: Parts;
beforeAll(async () => {
  parts = await openParts({ precision: 'int8', adapter: true });
}, 120_000);
afterAll(() => parts.dispose());

/** Over material of its own; pages are filled. */
async function sequence(n: number, question: string): Promise<Sequence> {
  const { model, cache, runner, prefixes } = parts;
  const request = {
    prefix: [text('<|im_start|>user\n')],
    segments: [0, 1].map((i) => ({
      parts: [text(`[00:0${i}] ${MATERIAL.repeat(1 + n)}`)],
      span: { mediumId: 'a'.repeat(64) },
      quote: '',
    })),
    question: [text(`\n${question}<|im_end|>\n<|im_start|>assistant\n`)],
    sampling: {},
  };
  const made = new Sequence(n, request, model, 'batch', () => undefined);
  const { runs, missing } = cache.acquire(made.demands);
  made.runs = runs;
  for (const run of missing) {
    (await runner.prefill(await prefixes.of(made), [made.sourceOf(run).embed()])).write(0, run, cache.store);
    cache.commit(run);
  }
  return made;
}

/** Logits of the first token, and of the second where the first is `next`. */
async function answer(questions: readonly string[], next: number): Promise<Float32Array[]> {
  const { reader, runner, arena, model } = parts;
  const sequences = await Promise.all(questions.map((question) => sequence(QUESTIONS.indexOf(question), question)));
  for (const each of sequences) await reader.enter(each);
  const logits = (await reader.feed(sequences)).map((row) => row.slice());
  const embedding = new Float32Array(sequences.length * model.config.hidden);
  sequences.forEach((_, b) => model.embeddings.row(next, embedding, b * model.config.hidden));
  const second = await runner.step(arena, 0, sequences.length, embedding, [...sequences.keys()]);
  for (const each of sequences) {
    arena.remove(each.working!);
    parts.cache.release(each.runs);
  }
  const { vocabulary } = model.config;
  return [...logits, ...sequences.map((_, b) => second.logits.slice(b * vocabulary, (b + 1) * vocabulary))];
}

it('reads questions of several lengths together as each alone, padding and all', async () => {
  const steps: number[] = [];
  const { step } = parts.runner;
  parts.runner.step = (arena, first, count, ...rest) => {
    steps.push(count);
    return step.call(parts.runner, arena, first, count, ...rest);
  };
  const alone: Float32Array[][] = [];
  for (const question of QUESTIONS) alone.push(await answer([question], 500));
  const together = await answer(QUESTIONS, 500);
  expect(steps.slice(2 * QUESTIONS.length)).toEqual([QUESTIONS.length, QUESTIONS.length]);
  QUESTIONS.forEach((_, i) => {
    for (const [row, own] of [
      [together[i]!, alone[i]![0]!],
      [together[QUESTIONS.length + i]!, alone[i]![1]!],
    ] as const) {
      expect(row).toHaveLength(own.length);
      expect(Math.max(...row.map((x, at) => Math.abs(x - own[at]!)))).toBeLessThan(1e-4);
    }
  });
});

it.skipIf(!loadAddon())(
  'goes on by the graph where the native kernel, which alone has the rows, is given up',
  async () => {
    const { reader, runner, arena, model } = parts;
    const { hidden, vocabulary } = model.config;
    const tokens = [500, 501].map((token) => {
      const row = new Float32Array(hidden);
      model.embeddings.row(token, row, 0);
      return row;
    });
    const made = await sequence(2, QUESTIONS[1]!);
    let backed: boolean | undefined;
    /** Logits of both tokens after the question, which a failure may come between. */
    const write = async (between: () => void): Promise<Float32Array[]> => {
      await reader.read(made);
      const rows: Float32Array[] = [];
      for (const embedding of tokens) {
        rows.push((await runner.step(arena, 0, 1, embedding, [0])).logits.slice(0, vocabulary));
        between();
      }
      backed = arena.backed;
      arena.remove(made.working!);
      return rows;
    };
    const [, byKernel] = await write(() => undefined);
    expect(backed).toBe(false);
    const [, byGraph] = await write(() => model.kernel!.giveUp(new Error('no memory')));
    expect(backed).toBe(true);
    const difference = Math.hypot(...byGraph!.map((x, i) => x - byKernel![i]!));
    expect(difference).toBeLessThan(0.1 * Math.hypot(...byKernel!));
    expect(difference).toBeGreaterThan(0);
  },
);
