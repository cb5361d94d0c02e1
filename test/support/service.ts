import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, tempFolder } from './cli.js';

export interface Service {
  url: string;
  child: ChildProcess;
  /** The data folder, and the one for what is temporary. */
  data: string;
  temp: string;
  /** What it has written to stderr. */
  log(): string;
  /** Ends it as an operator would; resolves to its exit code. */
  stop(): Promise<number | null>;
}

/** `tessera serve` as built, on a free port and folders of its own, with the models of the cache. */
export async function startService(env: Record<string, string> = {}): Promise<Service> {
  const [data, temp] = [tempFolder('service'), tempFolder('service-tmp')];
  chmodSync(data, 0o711);
  const child = spawn(process.execPath, [join(ROOT, 'bin/tessera.js'), 'serve'], {
    cwd: ROOT,
    env: { ...process.env, TESSERA_DATA_DIR: data, TESSERA_PORT: '0', TESSERA_LOG_LEVEL: 'warn', TMPDIR: temp, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const url = await new Promise<string>((resolve, reject) => {
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
      const [, found] = /listens on (http:\S+)/.exec(stderr) ?? [];
      if (found) resolve(found);
    });
    void ended.then((code) => reject(new Error(`the service ended with code ${code}:\n${stderr}`)));
  });
  const stop = async () => {
    child.kill('SIGTERM');
    const code = await ended;
    for (const folder of [data, temp]) rmSync(folder, { recursive: true, force: true });
    return code;
  };
  return { url, child, data, temp, log: () => stderr, stop };
}
