import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface Script {
  child: ChildProcess;
  /** The next line the script wrote to stdout. Rejects with its stderr when it ends before. */
  line(): Promise<string>;
  /** Exit code or signal. */
  ended: Promise<number | NodeJS.Signals | null>;
}

/** Runs a TypeScript file of the tests in a process of its own, the way the product's processes run. */
export function runScript(file: URL, args: string[] = [], env: Record<string, string> = {}): Script {
  const register = fileURLToPath(new URL('register-typescript.mjs', import.meta.url));
  const child = spawn(
    process.execPath,
    ['--conditions', 'tessera-source', '--import', register, fileURLToPath(file), ...args],
    {
      env: { ...process.env, TESSERA_LOG_LEVEL: 'warn', ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    },
  );
  const lines: string[] = [];
  const waiting: { resolve: (line: string) => void; reject: (error: Error) => void }[] = [];
  let rest = '';
  let stderr = '';
  let over = false;
  child.stdout.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString()).split('\n');
    rest = parts.pop() ?? '';
    for (const line of parts) {
      const reader = waiting.shift();
      if (reader) reader.resolve(line);
      else lines.push(line);
    }
  });
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) =>
    child.once('close', (code, signal) => {
      over = true;
      for (const { reject } of waiting) reject(new Error(`the script ended (${code ?? signal}):\n${stderr}`));
      resolve(signal ?? code);
    }),
  );
  return {
    child,
    ended,
    line: () => {
      const line = lines.shift();
      if (line !== undefined) return Promise.resolve(line);
      if (over) return Promise.reject(new Error(`the script has ended:\n${stderr}`));
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
    },
  };
}
