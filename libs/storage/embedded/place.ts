import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chown, mkdir, readdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, sep } from 'node:path';
import { TesseraError } from '#contracts';
import { reachableBy, type ServerUser } from './user.js';

/** Where one embedded server lives. */
export interface Place {
  /** PGDATA. */
  cluster: string;
  /** Folder of the Unix socket; closed to everybody but the server's user, which is the server's only lock. */
  sockets: string;
  log: string;
  /** Folder for copies of PostgreSQL's programs, used by root only. */
  copies: string;
}

/** sockaddr_un holds 107 characters on Linux and 103 on macOS; the file name takes 15. */
const LONGEST_SOCKET_FOLDER = 85;
const SYSTEM_FOLDER = '/var/lib/tessera';
const OWNER_FILE = 'data-folder';

async function ownFolder(folder: string, user: ServerUser | undefined): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (user) await chown(folder, user.uid, user.gid);
  const { uid, mode } = await stat(folder);
  if (uid !== (user?.uid ?? process.getuid?.() ?? uid) || mode & 0o077)
    throw new TesseraError('configuration', `${folder} belongs to somebody else or is open to others; remove it.`);
  return folder;
}

/** Forgets servers of data folders that were temporary and are gone. */
async function prune(): Promise<void> {
  for (const name of await readdir(SYSTEM_FOLDER)) {
    const home = join(SYSTEM_FOLDER, name);
    const dataDir = await readFile(join(home, OWNER_FILE), 'utf8').catch(() => '');
    const temporary = [tmpdir(), '/var/tmp'].some((folder) => dataDir.startsWith(folder + sep));
    const running = existsSync(join(home, 'cluster', 'postmaster.pid'));
    if (temporary && !running && !existsSync(dataDir)) await rm(home, { recursive: true, force: true });
  }
}

async function systemHome(dataDir: string, key: string, user: ServerUser): Promise<string> {
  await mkdir(SYSTEM_FOLDER, { recursive: true, mode: 0o755 });
  await prune();
  const home = await ownFolder(join(SYSTEM_FOLDER, key), user);
  await writeFile(join(home, OWNER_FILE), dataDir);
  return home;
}

/** Folders of the server for a data folder. Root's data folder may be closed to the server's user: then the system's is used. */
export async function findPlace(dataDir: string, user: ServerUser | undefined): Promise<Place> {
  await mkdir(dataDir, { recursive: true, mode: user ? 0o711 : 0o700 });
  const real = await realpath(dataDir);
  const key = createHash('sha256').update(real).digest('hex').slice(0, 16);
  const outside = user !== undefined && !(await reachableBy(user, real));
  const home = outside ? await systemHome(real, key, user) : await ownFolder(join(real, 'postgres'), user);
  const sockets = home.length <= LONGEST_SOCKET_FOLDER ? home : await ownFolder(join(tmpdir(), `tessera-${key}`), user);
  return { cluster: join(home, 'cluster'), sockets, log: join(home, 'log'), copies: SYSTEM_FOLDER };
}
