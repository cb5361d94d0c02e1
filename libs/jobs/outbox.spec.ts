import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { JobEvent } from '#contracts';
import { Outbox } from './outbox.js';

const token = (text: string): JobEvent => ({ type: 'token', text });

test('the first event goes at once, those behind it together, all in order', async () => {
  const writes: string[][] = [];
  const outbox = new Outbox({
    append: async (_tree, events) => {
      writes.push(events.map((event) => (event as { text: string }).text));
      await sleep(5);
    },
  });
  for (const text of ['a', 'b', 'c']) outbox.add('T', token(text));
  outbox.add('U', token('other'));
  expect(writes).toEqual([['a'], ['other']]);
  await outbox.flush('T');
  expect(writes).toEqual([['a'], ['other'], ['b', 'c']]);
  outbox.add('T', token('d'));
  await outbox.flush('T');
  expect(writes.at(-1)).toEqual(['d']);
  await outbox.flush('nothing');
});

test('events that cannot be written do not fail the work', async () => {
  const outbox = new Outbox({ append: () => Promise.reject(new Error('down')) });
  outbox.add('T', token('a'));
  await outbox.flush('T');
});
