import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { makeTempFolder, sweepTempFolders } from './temp.js';

let folder: string;
beforeEach(() => vi.stubEnv('TMPDIR', (folder = mkdtempSync(join(tmpdir(), 'tessera-test-')))));
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

test('folders of dead processes go, those of this process, of others and of strangers stay', async () => {
  const parents = `tessera-tmp-${process.ppid}-fetch-abc`;
  const before = `tessera-tmp-${process.pid}-fetch-abc`;
  const mine = basename(await makeTempFolder('fetch'));
  const all = ['tessera-tmp-999999999-fetch-abc', before, parents, 'tessera-other'];
  for (const name of all) mkdirSync(join(folder, name));
  await sweepTempFolders();
  expect(readdirSync(folder).sort()).toEqual([mine, parents, 'tessera-other'].sort());
});
