import { describe, expect, it } from 'vitest';
import type { Kernel } from './kernel.js';
import type { StepKernel } from './step-kernel.js';
import { LazyKernel } from './lazy-kernel.js';

const kernel = { dispose: () => Promise.resolve() } as Kernel;

describe('a kernel that is opened when it pays', () => {
  it('is opened once, after so many tokens that somebody waits for, and nobody waits for it', async () => {
    let opened = 0;
    let finish = (_: Kernel): void => undefined;
    const lazy = new LazyKernel(() => {
      opened++;
      return new Promise((resolve) => (finish = resolve));
    }, 2);
    for (let token = 0; token < 5; token++) {
      expect(await lazy.take()).toBeUndefined();
      if (token > 1) lazy.count();
    }
    expect(opened).toBe(1);
    finish(kernel);
    await Promise.resolve();
    expect(await lazy.take()).toBe(kernel);
  });

  it('is not opened for what nobody waits for', async () => {
    const lazy = new LazyKernel(() => Promise.reject(new Error('opened')), 1);
    lazy.count();
    for (let token = 0; token < 9; token++) expect(await lazy.take()).toBeUndefined();
    await lazy.dispose();
  });

  it('is waited for where it is to compute the first token', async () => {
    expect(await new LazyKernel(() => Promise.resolve(kernel), 0).take()).toBe(kernel);
  });

  it('may be there from the first token on', async () => {
    const lazy = new LazyKernel(() => Promise.reject(new Error('opened')), 0, undefined, kernel);
    expect(lazy.ready).toBe(true);
    expect(await lazy.take()).toBe(kernel);
    lazy.giveUp(new Error('no memory'));
    expect([lazy.ready, await lazy.take()]).toEqual([false, undefined]);
  });

  it('is not there any more when it was given up', async () => {
    const lazy = new LazyKernel(() => Promise.resolve(kernel), 0);
    await lazy.take();
    lazy.giveUp(new Error('a thread died'));
    expect(await lazy.take()).toBeUndefined();
  });

  it('is kept for its words when it was given up, until the end', async () => {
    let disposed = 0;
    const dispose = (): Promise<void> => Promise.resolve(void disposed++);
    const words = { ...kernel, embed: () => undefined, dispose } as unknown as StepKernel;
    const lazy = new LazyKernel(() => Promise.resolve(words), 0, undefined, words);
    lazy.giveUp(new Error('no memory'));
    expect(disposed).toBe(0);
    await lazy.dispose();
    expect(disposed).toBe(1);
  });

  it('is told of once and left alone where it cannot be opened', async () => {
    const told: string[] = [];
    const lazy = new LazyKernel(
      () => Promise.reject(new Error('no memory')),
      0,
      (message) => told.push(message),
    );
    expect([await lazy.take(), await lazy.take()]).toEqual([undefined, undefined]);
    expect(told).toEqual([expect.stringContaining('no memory')]);
    await lazy.dispose();
  });
});
