import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { TesseraError } from '#contracts';
import { runProcess } from '#platform';

/** PostgreSQL refuses to run as root; the server of a root process belongs to this user. */
export interface ServerUser {
  uid: number;
  gid: number;
}

async function findUser(name: string): Promise<ServerUser | undefined> {
  const passwd = await readFile('/etc/passwd', 'utf8').catch(() => '');
  const entry = passwd.split('\n').find((line) => line.startsWith(`${name}:`));
  const [, , uid, gid] = entry?.split(':') ?? [];
  return uid && gid ? { uid: Number(uid), gid: Number(gid) } : undefined;
}

/** The user of the server: undefined (the caller itself) unless root asks; `postgres` is created when it is missing. */
export async function serverUser(): Promise<ServerUser | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const existing = await findUser('postgres');
  if (existing) return existing;
  await runProcess('useradd', [
    '--system',
    '--user-group',
    '--no-create-home',
    '--shell',
    '/usr/sbin/nologin',
    'postgres',
  ]).catch(() => undefined);
  const user = (await findUser('postgres')) ?? (await findUser('nobody'));
  if (user) return user;
  throw new TesseraError(
    'tool_missing',
    'PostgreSQL does not run as root and no other user was found; create a user named postgres, or set TESSERA_DATABASE_URL.',
  );
}

/** True when the user can enter the folder: every folder on the way belongs to it or is open to all. */
export async function reachableBy(user: ServerUser, folder: string): Promise<boolean> {
  for (let at = folder; ; at = dirname(at)) {
    const { mode, uid } = await stat(at);
    if ((mode & 0o001) === 0 && !(uid === user.uid && mode & 0o100)) return false;
    if (at === dirname(at)) return true;
  }
}
