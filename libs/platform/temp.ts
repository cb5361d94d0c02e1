import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

const PREFIX = 'tessera-tmp-';

/** Whether a process of that number runs. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Names of what this process made: others with its number are those of a dead one that had it before. */
const made = new Set<string>();

/** A new temp folder that says whose it is, so that what a killed process left is found. Its maker removes it. */
export async function makeTempFolder(what: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `${PREFIX}${process.pid}-${what}-`));
  made.add(basename(folder));
  return folder;
}

/** Removes the temp folders of processes that died. */
export async function sweepTempFolders(): Promise<void> {
  const names = (await readdir(tmpdir())).filter((name) => name.startsWith(PREFIX));
  for (const name of names) {
    const pid = Number(name.slice(PREFIX.length).split('-')[0]);
    if (pid === process.pid ? !made.has(name) : !isAlive(pid))
      await rm(join(tmpdir(), name), { recursive: true, force: true });
  }
}
