import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const project = fileURLToPath(new URL('../../', import.meta.url));

/** Frees what is as large as a model's parts, between what stays, as loading does. Prints whether malloc was told, and the MB that are left. */
const LOADING = `
  import { loadConfig } from '#platform';
  import { release, settleMalloc } from '#runtime';
  const told = settleMalloc(loadConfig().runtime);
  const MB = 2 ** 20;
  const filled = (bytes) => new Uint8Array(bytes).fill(1);
  // Freeing it is what raises malloc's threshold.
  release([filled(24 * MB).buffer]);
  const before = process.memoryUsage.rss();
  const kept = [];
  for (let round = 0; round < 3; round++) {
    const parts = Array.from({ length: 24 }, () => (kept.push(filled(65536)), filled(8 * MB)));
    release(parts.map(({ buffer }) => buffer));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  console.log(JSON.stringify({ told, left: (process.memoryUsage.rss() - before) / MB, kept: kept.length }));
`;

function load(env: NodeJS.ProcessEnv): { told: boolean; left: number } {
  const output = execFileSync(
    process.execPath,
    ['--conditions', 'tessera-source', '--import', './test/support/register-typescript.mjs', '--input-type', 'module', '--eval', LOADING],
    { cwd: project, env: { ...process.env, ...env }, encoding: 'utf8' },
  ); // prettier-ignore
  return JSON.parse(output.trim().split('\n').at(-1)!) as { told: boolean; left: number };
}

test.skipIf(!existsSync(`${project}dist/native/malloc.node`))('what models leave behind is given back', () => {
  const settled = load({});
  expect(settled.told).toBe(true);
  expect(settled.left).toBeLessThan(40);
});

test('an operator who sets malloc has the last word', () => {
  expect(load({ MALLOC_TRIM_THRESHOLD_: '134217728' }).told).toBe(false);
});
