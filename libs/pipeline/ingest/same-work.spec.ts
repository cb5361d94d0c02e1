import { expect, test } from 'vitest';
import { SameWork } from './same-work.js';

const never = new AbortController().signal;

test('who wants the same at once gets one result; later it is done anew', async () => {
  const same = new SameWork<number>();
  let runs = 0;
  const work = async (): Promise<number> => {
    await Promise.resolve();
    return ++runs;
  };
  const all = ['a', 'a', 'b', 'a'].map((key) => same.once(key, never, work));
  expect(await Promise.all(all)).toEqual([1, 1, 2, 1]);
  expect(await same.once('a', never, work)).toBe(3);
});

test('who waits for work that fails does it himself, one for all who still wait', async () => {
  const same = new SameWork<string>();
  let runs = 0;
  const work = async (): Promise<string> => {
    await Promise.resolve();
    return `second, ${++runs}`;
  };
  const first = same.once('a', never, () => Promise.reject(new Error('cancelled')));
  const others = [same.once('a', never, work), same.once('a', never, work)];
  await expect(first).rejects.toThrow('cancelled');
  expect(await Promise.all(others)).toEqual(['second, 1', 'second, 1']);
});

test('who is told to stop waits no longer, and the work goes on for the others', async () => {
  const same = new SameWork<string>();
  let end = (_: string): void => undefined;
  const first = same.once('a', never, () => new Promise((resolve) => (end = resolve)));
  const stop = new AbortController();
  const other = same.once('a', stop.signal, () => Promise.resolve('not needed'));
  stop.abort(new Error('enough'));
  await expect(other).rejects.toThrow('enough');
  end('done');
  expect(await first).toBe('done');
});
