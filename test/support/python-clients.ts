import { execFile, execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from './cli.js';

/** Folder of the programs of test/python/requirements.txt, which are installed when they are missing. Throws when they cannot be. */
export const pythonPrograms = (): string =>
  execFileSync(join(ROOT, 'test/python/venv.sh'), { stdio: ['ignore', 'pipe', 'inherit'] })
    .toString()
    .trim();

/** Runs a program of it; resolves to its exit code and all it wrote. */
export function python(
  program: string,
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<{ code: number; output: string }> {
  const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1', NO_COLOR: '1', ...options.env };
  return new Promise((resolve) => {
    execFile(
      join(pythonPrograms(), program),
      args,
      { ...options, env, maxBuffer: 1 << 26 },
      (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? 1), output: stdout + stderr });
      },
    );
  });
}
