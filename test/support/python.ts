import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './cli.js';

const folder = join(ROOT, '.cache/test-python');
const requirements = join(ROOT, 'test/support/requirements.txt');

/** Python with the servers of `requirements.txt`, in an environment of its own that is made when it is first needed. */
export function testPython(): string {
  const stamp = join(folder, 'made-of');
  const wanted = createHash('sha256').update(readFileSync(requirements)).digest('hex');
  const python = join(folder, 'bin/python');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return python;
  rmSync(folder, { recursive: true, force: true });
  execFileSync('python3', ['-m', 'venv', folder], { stdio: 'inherit' });
  execFileSync(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements], {
    stdio: 'inherit',
  });
  writeFileSync(stamp, wanted);
  return python;
}
