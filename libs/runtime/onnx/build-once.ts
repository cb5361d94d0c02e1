import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Half-written folders older than this were left by a process that died. */
const ABANDONED_MS = 60 * 60_000;

/**
 * The folder `root/id`, written when it is not there. It appears complete or not at all, so several processes may ask for it at once.
 *
 * @param id changes whenever what `write` would write does
 */
export async function buildOnce(root: string, id: string, write: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(root, id);
  if (existsSync(folder)) return folder;
  const partial = `${folder}.${randomUUID()}.tmp`;
  await mkdir(partial, { recursive: true });
  await removeAbandoned(root);
  try {
    await write(partial);
    await rename(partial, folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error; // Another process was faster.
    });
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
  return folder;
}

async function removeAbandoned(root: string): Promise<void> {
  for (const name of await readdir(root)) {
    if (!name.endsWith('.tmp')) continue;
    const path = join(root, name);
    const age = Date.now() - (await stat(path).catch(() => ({ mtimeMs: Date.now() }))).mtimeMs;
    if (age > ABANDONED_MS) await rm(path, { recursive: true, force: true });
  }
}
