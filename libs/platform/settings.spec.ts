import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { describeSettings } from './settings.js';

test('docs/operations.md lists every setting with its default and meaning', () => {
  const page = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8').replace(/ +/g, ' ');
  for (const { name, fallback, meaning } of describeSettings()) {
    const shown = fallback === '' ? '' : `\`${fallback}\``;
    expect(page).toContain(`| \`${name}\` | ${shown}${shown === '' ? '' : ' '}| ${meaning} |`);
  }
});
