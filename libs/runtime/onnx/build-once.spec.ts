import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildOnce } from './build-once.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'tessera-built-'));
});
afterAll(() => rm(root, { recursive: true }));

const written = (text: string) => (folder: string) => writeFile(join(folder, 'graph'), text);

it('builds a folder once, also when several ask at the same time', async () => {
  const folders = await Promise.all(['a', 'b', 'c'].map((text) => buildOnce(root, 'together', written(text))));
  expect(new Set(folders)).toEqual(new Set([join(root, 'together')]));
  const first = await readFile(join(root, 'together', 'graph'), 'utf8');
  await buildOnce(root, 'together', written('later'));
  expect(await readFile(join(root, 'together', 'graph'), 'utf8')).toBe(first);
});

it('leaves nothing of what failed, nor of what a dead process left an hour ago', async () => {
  const abandoned = join(root, 'old.tmp');
  await mkdir(abandoned);
  await utimes(abandoned, new Date(), new Date(Date.now() - 2 * 60 * 60_000));
  await mkdir(join(root, 'young.tmp'));
  const failing = buildOnce(root, 'broken', () => Promise.reject(new Error('no space')));
  await expect(failing).rejects.toThrow('no space');
  expect((await readdir(root)).sort()).toEqual(['together', 'young.tmp']);
});
