import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const generated = join(import.meta.dirname, 'generated');

function contents(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  return Object.fromEntries(files.sort().map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}

test('the generated types are those of proto/tessera/v1: `npm run proto` changes nothing', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-proto-'));
  try {
    const { proto } = (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: { proto: string } })
      .scripts;
    const [program = '', ...args] = proto.replace('libs/rpc/generated', folder).split(' ');
    execFileSync(join(root, 'node_modules/.bin', program), args, { cwd: root });
    expect(contents(folder)).toEqual(contents(generated));
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 60_000);
