import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { treeBytes } from './memory.js';

export interface BenchServer {
  url: string;
  /** Bytes of the process's memory that are in RAM, all or without pages of files; undefined where the system has no /proc. */
  residentBytes(which?: 'VmRSS' | 'RssAnon'): Promise<number | undefined>;
  /** The same of all its processes: ffmpeg, readers of documents, the embedded database. */
  treeBytes(): number;
  stop(): Promise<void>;
}

/** `tessera serve` in a process of its own, on a free port and with an empty data folder. */
export async function startServer(): Promise<BenchServer> {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-server-'));
  await chmod(folder, 0o711);
  const program = fileURLToPath(new URL('../../bin/tessera.js', import.meta.url));
  const child = spawn(process.execPath, [program, 'serve'], {
    env: { ...process.env, TESSERA_DATA_DIR: folder, TESSERA_PORT: '0', TESSERA_LOG_LEVEL: 'error' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const stop = async (): Promise<void> => {
    if (child.exitCode === null) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
    await rm(folder, { recursive: true, force: true });
  };
  const said: string[] = [];
  for await (const line of createInterface(child.stderr)) {
    said.push(line);
    const url = /listens on (\S+)/.exec(line)?.[1];
    if (url === undefined) continue;
    child.stderr.resume();
    return {
      url,
      stop,
      residentBytes: (which) => residentBytes(child.pid, which),
      treeBytes: () => treeBytes(child.pid ?? 0),
    };
  }
  await stop();
  throw new Error(`The server did not start: ${said.join('\n')}`);
}

async function residentBytes(pid: number | undefined, which = 'VmRSS'): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const kilobytes = new RegExp(`^${which}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}
