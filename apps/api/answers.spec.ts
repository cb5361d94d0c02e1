import { expect, test } from 'vitest';
import type { JobEvent } from '#contracts';
import { deltas } from './answers.js';

async function* journal(...events: (JobEvent | string)[]) {
  for (const [id, event] of events.entries())
    yield { id: String(id), event: typeof event === 'string' ? ({ type: 'token', text: event } as const) : event };
}

const read = async (...events: (JobEvent | string)[]) => {
  const texts: string[] = [];
  for await (const { text } of deltas(journal(...events))) texts.push(text);
  return texts;
};

const queued: JobEvent = { type: 'state', state: 'queued' };
const running: JobEvent = { type: 'state', state: 'running' };

test('tokens come as they are; other events do not', async () => {
  expect(await read(queued, running, 'a ', { type: 'progress', stage: 'see', percent: 1 }, 'cat')).toEqual([
    'a ',
    'cat',
  ]);
});

const token = (text: string, logprob: number): JobEvent => ({
  type: 'token',
  text,
  logprob: { token: text, logprob, top: [] },
});

test('log probabilities come once for every token, also for one that is a part of a character', async () => {
  const told: [string, number | undefined][] = [];
  const first = [token('a ', -1), token('', -2)];
  const events = [queued, running, ...first, queued, ...first, token('é', -3)];
  for await (const { text, logprob } of deltas(journal(...events))) told.push([text, logprob?.logprob]);
  expect(told).toEqual([
    ['a ', -1],
    ['', -2],
    ['é', -3],
  ]);
});

test('after a new start only what is new is told', async () => {
  expect(await read(queued, running, 'a ', 'black ', queued, 'a ', 'bla', 'ck cat')).toEqual(['a ', 'black ', 'cat']);
});
