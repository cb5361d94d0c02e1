import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PREFIX = 'tessera-tmp-';

/** Whether a process of that number runs. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** What this process made: others with its number are those of a dead one that had it before. */
const made = new Set<string>();

/** A new folder in `parent`, for this user alone, that says whose it is: PREFIX, the process's number and `what`. Its maker removes it. */
export async function makeOwnFolder(parent: string, prefix = '', what = ''): Promise<string> {
  const folder = await mkdtemp(join(parent, [`${prefix}${process.pid}`, ...(what === '' ? [] : [what]), ''].join('-')));
  made.add(folder);
  return folder;
}

/** Removes such folders of processes that died. */
export async function sweepOwnFolders(parent: string, prefix = ''): Promise<void> {
  for (const name of (await readdir(parent)).filter((each) => each.startsWith(prefix))) {
    const folder = join(parent, name);
    const pid = Number(name.slice(prefix.length).split('-')[0]);
    if (pid === process.pid ? !made.has(folder) : !isAlive(pid)) await rm(folder, { recursive: true, force: true });
  }
}

/** A new temp folder, which is found when its maker is killed. */
export const makeTempFolder = (what: string): Promise<string> => makeOwnFolder(tmpdir(), PREFIX, what);

/** Removes the temp folders of processes that died. */
export const sweepTempFolders = (): Promise<void> => sweepOwnFolders(tmpdir(), PREFIX);
