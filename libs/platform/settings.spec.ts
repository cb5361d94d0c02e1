import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { describeSettings, SETTINGS } from './settings.js';

test('docs/operations.md lists every setting with its default and meaning', () => {
  const page = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8').replace(/ +/g, ' ');
  for (const { name, fallback, meaning } of describeSettings()) {
    const shown = fallback === '' ? '' : `\`${fallback}\``;
    expect(page).toContain(`| \`${name}\` | ${shown}${shown === '' ? '' : ' '}| ${meaning} |`);
  }
});

// Unknown settings stop the start, so a misspelt one would be found where it hurts.
const kubernetes = ['api', 'worker', 'decoder', 'kustomization'].map((name) => `deploy/kubernetes/${name}.yaml`);
test.each(['Dockerfile', 'docker-compose.yml', ...kubernetes])('%s sets only what there is', (name) => {
  const lines = readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8').split('\n');
  const used = lines.filter((line) => !/^\s*#/.test(line)).flatMap((line) => line.match(/TESSERA_[A-Z_]+/g) ?? []);
  expect(used.length).toBeGreaterThan(0);
  expect(used.filter((setting) => !(setting in SETTINGS))).toEqual([]);
});
