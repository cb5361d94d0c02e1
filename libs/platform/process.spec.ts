import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { runProcess } from './process.js';

/** An orphan that nobody reaps stays as a zombie: dead all the same. */
const alive = (pid: number) => {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' });
  return stdout.trim() !== '' && !stdout.startsWith('Z');
};

test('gives the output and feeds stdin', async () => {
  const output = await runProcess('cat', [], { stdin: 'mosaic' });
  expect(output.stdout.toString()).toBe('mosaic');
  expect(output.code).toBe(0);
});

test('a program that fails rejects with the end of its stderr as the cause', async () => {
  const script = 'head -c 100000 /dev/zero | tr "\\0" x >&2; echo the last words >&2; exit 3';
  const error = await runProcess('sh', ['-c', script]).catch((e: unknown) => e as Error);
  expect(error).toMatchObject({ code: 'internal', message: 'sh failed (exit code 3).' });
  const cause = (error as Error).cause as Error;
  expect(cause.message).toHaveLength(25 * 1024);
  expect(cause.message).toMatch(/the last words\n$/);
});

test('a missing program has its own code', async () => {
  await expect(runProcess('no-such-program-here', [])).rejects.toMatchObject({ code: 'tool_missing' });
});

test('abort kills the whole process group, also what ignores SIGTERM', async () => {
  const abort = new AbortController();
  let pids: number[] = [];
  const running = runProcess('sh', ['-c', 'trap "" TERM; sleep 60 & echo $$ $! >&2; wait; sleep 60'], {
    signal: abort.signal,
    onStderr: (text) => (pids = text.trim().split(' ').map(Number)),
  });
  const settled = running.catch((error: unknown) => error);
  while (pids.length < 2) await sleep(5);
  const start = Date.now();
  abort.abort();
  expect(await settled).toMatchObject({ code: 'cancelled' });
  expect(Date.now() - start).toBeLessThan(1500);
  await sleep(50);
  expect(pids.map(alive)).toEqual([false, false]);
});

test('time and output are capped', async () => {
  await expect(runProcess('sleep', ['60'], { timeoutMs: 50 })).rejects.toMatchObject({ code: 'timeout' });
  await expect(runProcess('yes', [], { maxOutputBytes: 10_000 })).rejects.toMatchObject({ code: 'file_too_large' });
  const abort = AbortSignal.abort();
  await expect(runProcess('true', [], { signal: abort })).rejects.toMatchObject({ code: 'cancelled' });
});
