import { describe, expect, test, vi } from 'vitest';
import type { Tessera } from '#pipeline';
import { follow } from './follow.js';
import { Progress } from './progress.js';

/** A stream that keeps what is written to it. */
function stream(isTTY: boolean) {
  const written: string[] = [];
  const write = (text: string): boolean => written.push(text) > 0;
  return { written, as: { isTTY, columns: 80, write } as unknown as NodeJS.WriteStream };
}

describe('a progress bar', () => {
  test('is drawn on a terminal, and gone when done', () => {
    const { written, as } = stream(true);
    const progress = new Progress(as);
    progress.update('talk.mp4', 0.5, 'summarise');
    expect(written.join('')).toContain(`talk.mp4 ${'█'.repeat(12)}${'░'.repeat(12)}  50 % summarise`);
    progress.clear();
    expect(written.at(-1)).toBe('\r\u001b[K');
  });

  test('is not drawn into a file, nor more often than can be seen', () => {
    const file = stream(false);
    new Progress(file.as).update('talk.mp4', 0.5);
    expect(file.written).toEqual([]);
    const { written, as } = stream(true);
    const progress = new Progress(as);
    for (let i = 0; i < 50; i++) progress.update('talk.mp4', i / 100);
    expect(written.length).toBeLessThan(5);
    progress.update('talk.mp4', 1);
    expect(written.at(-1)).toContain('100 %');
  });

  test('tells how far a long summary is, part by part', async () => {
    vi.useFakeTimers();
    const parts = [10, 55, 100];
    const events = async function* () {
      for (const percent of parts) {
        vi.advanceTimersByTime(100);
        yield { event: { type: 'progress', stage: 'summarise', percent } };
      }
    };
    const tessera = { jobs: { events } } as unknown as Tessera;
    const { written, as } = stream(true);
    let finish: (text: string) => void = () => undefined;
    const result = new Promise<string>((resolve) => (finish = resolve));
    const done = follow(tessera, 'id', 'answer', new Progress(as), () => result);
    await vi.waitFor(() => expect(written).toHaveLength(3));
    finish('A summary.');
    expect(await done).toBe('A summary.');
    expect(written.map((line) => / (\d+) % summarise/.exec(line)?.[1])).toEqual(['10', '55', '100']);
    vi.useRealTimers();
  });
});
